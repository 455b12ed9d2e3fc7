package store_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

func TestAddAndFind(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope, patient := patients.OwnedBy(owner), newPatient(t, db, owner)
		one := mustAdd(t, repository, domain.New(owner, patient, newDoctor(t, db), now))

		t.Run("an assignment is stored, with its time in UTC to the microsecond", func(t *testing.T) {
			found, err := repository.Find(ctx, scope, one.ID)
			require.NoError(t, err)
			require.Equal(t, one, found)
		})
		t.Run("the same pair cannot be added again", func(t *testing.T) {
			again := domain.New(owner, patient, one.DoctorID, now.Add(time.Hour))
			require.ErrorIs(t, repository.Add(ctx, again), assignments.ErrAlreadyAssigned)
		})
		t.Run("a patient can have several doctors, and a doctor several patients", func(t *testing.T) {
			mustAdd(t, repository, domain.New(owner, patient, newDoctor(t, db), now))
			mustAdd(t, repository, domain.New(owner, newPatient(t, db, owner), one.DoctorID, now))
		})
		t.Run("the same pair can be added again after its removal", func(t *testing.T) {
			again := domain.New(owner, newPatient(t, db, owner), one.DoctorID, now)
			mustAdd(t, repository, again)
			require.NoError(t, remove(ctx, repository, scope, again.ID))
			mustAdd(t, repository, domain.New(owner, again.PatientID, one.DoctorID, now))
		})
		t.Run("a missing assignment is not found", func(t *testing.T) {
			for _, id := range []assignments.ID{newID(), {}} {
				found, err := repository.Find(ctx, scope, id)
				require.ErrorIs(t, err, assignments.ErrNotFound)
				require.Zero(t, found)
			}
		})
		// SQLite does not report which foreign key is violated. It runs one writer at a time, so that no doctor or
		// patient is removed between the use case's check and its insert.
		noPatient, noDoctor := recordid.New[patients.ID](), recordid.New[doctors.ID]()
		for name, c := range map[string]struct {
			assignment domain.Assignment
			want       error
		}{
			"patient": {domain.New(owner, noPatient, one.DoctorID, now), patients.ErrNotFound},
			"doctor":  {domain.New(owner, patient, noDoctor, now), doctors.ErrNotFound},
		} {
			t.Run("an assignment of a removed "+name+" is rejected", func(t *testing.T) {
				err := repository.Add(ctx, c.assignment)
				if db.Engine() == database.Postgres {
					require.ErrorIs(t, err, c.want)
				} else {
					require.Equal(t, errs.Conflict, errs.KindOf(err), "%v", err)
				}
			})
		}
	})
}

// TestIdenticalAssignments verifies R-30: concurrent identical assignments are added once.
func TestIdenticalAssignments(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := databasetest.NewUser(t, db)
		patient, doctor := newPatient(t, db, owner), newDoctor(t, db)
		results := make([]error, 20)
		var running sync.WaitGroup
		for i := range results {
			running.Go(func() { results[i] = repository.Add(t.Context(), domain.New(owner, patient, doctor, now)) })
		}
		running.Wait()
		rejected := slices.DeleteFunc(results, func(err error) bool { return err == nil })
		require.Len(t, rejected, 19, "exactly one of twenty is added")
		for _, err := range rejected {
			require.ErrorIs(t, err, assignments.ErrAlreadyAssigned)
		}
		require.Len(t, listAll(t.Context(), t, repository, patients.OwnedBy(owner), domain.Filter{}), 1)
	})
}

func TestLists(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		first, second := newPatient(t, db, owner), newPatient(t, db, owner)
		t.Run("are empty at first", func(t *testing.T) {
			require.Empty(t, listAll(ctx, t, repository, scope, domain.Filter{}))
			require.Empty(t, listAll(ctx, t, repository, scope, domain.Filter{Patient: &first.UUID}))
		})
		var added []domain.Assignment
		for i, at := range []time.Duration{0, time.Microsecond, -time.Hour, 0, 25 * time.Hour, 0} {
			patient := []patients.ID{first, second}[i%2]
			added = append(added, mustAdd(t, repository, domain.New(owner, patient, newDoctor(t, db), now.Add(at))))
		}
		slices.SortFunc(added, func(a, b domain.Assignment) int {
			if order := b.AssignedAt.Compare(a.AssignedAt); order != 0 {
				return order
			}
			return slices.Compare(b.ID.UUID[:], a.ID.UUID[:])
		})
		t.Run("are ordered from newest to oldest, and by id for equal times", func(t *testing.T) {
			require.Equal(t, added, listAll(ctx, t, repository, scope, domain.Filter{}))
		})
		t.Run("of one patient have the same order", func(t *testing.T) {
			of := func(patient patients.ID) []domain.Assignment {
				return slices.DeleteFunc(slices.Clone(added), func(a domain.Assignment) bool {
					return a.PatientID != patient
				})
			}
			require.Equal(t, of(first), listAll(ctx, t, repository, scope, domain.Filter{Patient: &first.UUID}))
			require.Equal(t, of(second), listAll(ctx, t, repository, scope, domain.Filter{Patient: &second.UUID}))
		})
	})
}

// TestScope verifies R-05 at the store: no method finds or removes an assignment outside the scope.
func TestScope(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner, stranger := t.Context(), databasetest.NewUser(t, db), databasetest.NewUser(t, db)
		foreign := mustAdd(t, repository, domain.New(owner, newPatient(t, db, owner), newDoctor(t, db), now))
		for name, scope := range map[string]patients.Scope{
			"a stranger": patients.OwnedBy(stranger), "the zero scope": {},
		} {
			t.Run(name+" does not find a foreign assignment", func(t *testing.T) {
				found, err := repository.Find(ctx, scope, foreign.ID)
				require.ErrorIs(t, err, assignments.ErrNotFound)
				require.Zero(t, found)
				_, missingErr := repository.Find(ctx, scope, newID())
				require.Equal(t, missingErr, err, "the error does not depend on the existence of the assignment")
			})
			t.Run(name+" lists no foreign assignment", func(t *testing.T) {
				require.Empty(t, listAll(ctx, t, repository, scope, domain.Filter{}))
				require.Empty(t, listAll(ctx, t, repository, scope, domain.Filter{Patient: &foreign.PatientID.UUID}))
			})
			t.Run(name+" removes no foreign assignment", func(t *testing.T) {
				require.ErrorIs(t, remove(ctx, repository, scope, foreign.ID), assignments.ErrNotFound)
				all := listAll(ctx, t, repository, patients.OwnedBy(owner), domain.Filter{})
				require.Equal(t, []domain.Assignment{foreign}, all)
			})
		}
	})
}

func TestRemove(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		ann, bob := newPatient(t, db, owner), newPatient(t, db, owner)
		first, second := newDoctor(t, db), newDoctor(t, db)
		var added []domain.Assignment
		for _, pair := range []struct {
			patient patients.ID
			doctor  doctors.ID
		}{{ann, first}, {ann, second}, {bob, first}, {bob, second}} {
			added = append(added, mustAdd(t, repository, domain.New(owner, pair.patient, pair.doctor, now)))
		}
		t.Run("removes one assignment, once", func(t *testing.T) {
			require.NoError(t, remove(ctx, repository, scope, added[0].ID))
			require.ElementsMatch(t, added[1:], listAll(ctx, t, repository, scope, domain.Filter{}))
			require.ErrorIs(t, remove(ctx, repository, scope, added[0].ID), assignments.ErrNotFound)
			require.ErrorIs(t, remove(ctx, repository, scope, assignments.ID{}), assignments.ErrNotFound)
		})
		t.Run("removes all assignments of a doctor only", func(t *testing.T) {
			all, err := repository.OfDoctor(ctx, second, 500)
			require.NoError(t, err)
			require.ElementsMatch(t, []domain.Assignment{added[1], added[3]}, all)
			owners, err := repository.Owners(ctx, second, 500)
			require.NoError(t, err)
			require.Equal(t, []uuid.UUID{owner, owner}, owners)
			some, err := repository.OfDoctor(ctx, second, 1)
			require.NoError(t, err)
			require.Len(t, some, 1)
			removed, err := repository.RemoveAll(ctx, append(all, domain.New(owner, ann, second, now)))
			require.NoError(t, err)
			require.ElementsMatch(t, all, removed, "the result omits a missing assignment")
			require.Equal(t, added[2:3], listAll(ctx, t, repository, scope, domain.Filter{}))
		})
		t.Run("AddMissing adds only pairs that are not assigned yet", func(t *testing.T) {
			existing, missing := domain.New(owner, bob, first, now), domain.New(owner, ann, first, now)
			moved, err := repository.AddMissing(ctx, []domain.Assignment{existing, missing})
			require.NoError(t, err)
			require.Equal(t, []domain.Assignment{missing}, moved)
			noDoctor := doctors.ID{UUID: uuid.New()}
			_, err = repository.AddMissing(ctx, []domain.Assignment{domain.New(owner, bob, noDoctor, now)})
			require.Error(t, err, "the doctor does not exist")
		})
		t.Run("removes all assignments of a patient only", func(t *testing.T) {
			removed, err := repository.RemoveAllOfPatients(ctx, []patients.ID{ann})
			require.NoError(t, err)
			require.Equal(t, 1, removed)
			require.Equal(t, added[2:3], listAll(ctx, t, repository, scope, domain.Filter{}))
			_, err = repository.RemoveAllOfPatients(ctx, []patients.ID{bob})
			require.NoError(t, err)
			require.Empty(t, listAll(ctx, t, repository, scope, domain.Filter{}))
		})
		t.Run("removes nothing for a missing patient and for an empty list", func(t *testing.T) {
			one := mustAdd(t, repository, domain.New(owner, ann, first, now))
			removed, err := repository.RemoveAllOfPatients(ctx, []patients.ID{{}})
			require.NoError(t, err)
			require.Zero(t, removed)
			none, err := repository.RemoveAll(ctx, nil)
			require.NoError(t, err)
			require.Empty(t, none)
			require.Equal(t, []domain.Assignment{one}, listAll(ctx, t, repository, scope, domain.Filter{}))
		})
		t.Run("is rolled back with its transaction", func(t *testing.T) {
			before := listAll(ctx, t, repository, scope, domain.Filter{})
			require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
				_, err := repository.RemoveAllOfPatients(ctx, []patients.ID{ann})
				require.NoError(t, err)
				require.Empty(t, listAll(ctx, t, repository, scope, domain.Filter{}))
				return context.Canceled
			}), context.Canceled)
			require.Equal(t, before, listAll(ctx, t, repository, scope, domain.Filter{}))
		})
	})
}
