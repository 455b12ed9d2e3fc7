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

		t.Run("an assignment comes back as it was, its time in UTC to the microsecond", func(t *testing.T) {
			found, err := repository.Find(ctx, scope, one.ID)
			require.NoError(t, err)
			require.Equal(t, one, found)
		})
		t.Run("the same doctor cannot be assigned to the same patient again", func(t *testing.T) {
			require.ErrorIs(t, repository.Add(ctx, domain.New(owner, patient, one.DoctorID, now.Add(time.Hour))), assignments.ErrAlreadyAssigned)
		})
		t.Run("another doctor can be, and the same doctor to another patient", func(t *testing.T) {
			mustAdd(t, repository, domain.New(owner, patient, newDoctor(t, db), now))
			mustAdd(t, repository, domain.New(owner, newPatient(t, db, owner), one.DoctorID, now))
		})
		t.Run("the same doctor can be again when the assignment has ended", func(t *testing.T) {
			again := domain.New(owner, newPatient(t, db, owner), one.DoctorID, now)
			mustAdd(t, repository, again)
			require.NoError(t, repository.Remove(ctx, scope, again.ID))
			mustAdd(t, repository, domain.New(owner, again.PatientID, one.DoctorID, now))
		})
		t.Run("an assignment that nobody made is not found", func(t *testing.T) {
			for _, id := range []assignments.ID{newID(), {}} {
				found, err := repository.Find(ctx, scope, id)
				require.ErrorIs(t, err, assignments.ErrNotFound)
				require.Zero(t, found)
			}
		})
		// SQLite does not tell which foreign key; there no removal can come between the use case's check and its insert.
		nobody, noDoctor := recordid.New[patients.ID](), recordid.New[doctors.ID]()
		for what, c := range map[string]struct {
			made domain.Assignment
			want error
		}{
			"a patient": {domain.New(owner, nobody, one.DoctorID, now), patients.ErrNotFound},
			"a doctor":  {domain.New(owner, patient, noDoctor, now), doctors.ErrNotFound},
		} {
			t.Run("an assignment of "+what+" who was removed meanwhile is refused", func(t *testing.T) {
				err := repository.Add(ctx, c.made)
				if db.Engine() == database.Postgres {
					require.ErrorIs(t, err, c.want)
				} else {
					require.Equal(t, errs.Conflict, errs.KindOf(err), "%v", err)
				}
			})
		}
	})
}

// TestIdenticalAssignments verifies R-30.
func TestIdenticalAssignments(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := databasetest.NewUser(t, db)
		patient, treating := newPatient(t, db, owner), newDoctor(t, db)
		answers := make([]error, 20)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = repository.Add(t.Context(), domain.New(owner, patient, treating, now)) })
		}
		all.Wait()
		refused := slices.DeleteFunc(answers, func(err error) bool { return err == nil })
		require.Len(t, refused, 19, "one of twenty should be made")
		for _, err := range refused {
			require.ErrorIs(t, err, assignments.ErrAlreadyAssigned)
		}
		require.Len(t, listed(t.Context(), t, repository, patients.OwnedBy(owner), domain.Filter{}), 1)
	})
}

func TestLists(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		busy, idle := newPatient(t, db, owner), newPatient(t, db, owner)
		t.Run("are empty at first", func(t *testing.T) {
			require.Empty(t, listed(ctx, t, repository, scope, domain.Filter{}))
			require.Empty(t, listed(ctx, t, repository, scope, domain.Filter{Patient: &busy.UUID}))
		})
		var made []domain.Assignment
		for i, at := range []time.Duration{0, time.Microsecond, -time.Hour, 0, 25 * time.Hour, 0} {
			made = append(made, mustAdd(t, repository, domain.New(owner, []patients.ID{busy, idle}[i%2], newDoctor(t, db), now.Add(at))))
		}
		slices.SortFunc(made, func(a, b domain.Assignment) int {
			if order := b.AssignedAt.Compare(a.AssignedAt); order != 0 {
				return order
			}
			return slices.Compare(b.ID.UUID[:], a.ID.UUID[:])
		})
		t.Run("are newest first, and those of the same moment by their ids", func(t *testing.T) {
			require.Equal(t, made, listed(ctx, t, repository, scope, domain.Filter{}))
		})
		t.Run("of one patient are likewise", func(t *testing.T) {
			of := func(patient patients.ID) []domain.Assignment {
				return slices.DeleteFunc(slices.Clone(made), func(a domain.Assignment) bool { return a.PatientID != patient })
			}
			require.Equal(t, of(busy), listed(ctx, t, repository, scope, domain.Filter{Patient: &busy.UUID}))
			require.Equal(t, of(idle), listed(ctx, t, repository, scope, domain.Filter{Patient: &idle.UUID}))
		})
	})
}

// TestScope verifies R-05, at the store: what is outside the scope does not exist, by any method, and stays as it was.
func TestScope(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner, stranger := t.Context(), databasetest.NewUser(t, db), databasetest.NewUser(t, db)
		theirs := mustAdd(t, repository, domain.New(owner, newPatient(t, db, owner), newDoctor(t, db), now))
		for who, scope := range map[string]patients.Scope{"a stranger": patients.OwnedBy(stranger), "the zero scope": {}} {
			t.Run(who+" finds nobody else's assignment", func(t *testing.T) {
				found, err := repository.Find(ctx, scope, theirs.ID)
				require.ErrorIs(t, err, assignments.ErrNotFound)
				require.Zero(t, found)
				_, nothing := repository.Find(ctx, scope, newID())
				require.Equal(t, nothing, err, "foreign and missing are the same answer")
			})
			t.Run(who+" has none listed", func(t *testing.T) {
				require.Empty(t, listed(ctx, t, repository, scope, domain.Filter{}))
				require.Empty(t, listed(ctx, t, repository, scope, domain.Filter{Patient: &theirs.PatientID.UUID}))
			})
			t.Run(who+" ends none", func(t *testing.T) {
				require.ErrorIs(t, repository.Remove(ctx, scope, theirs.ID), assignments.ErrNotFound)
				require.Equal(t, []domain.Assignment{theirs}, listed(ctx, t, repository, patients.OwnedBy(owner), domain.Filter{}))
			})
		}
	})
}

func TestRemove(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		ann, bob, first, second := newPatient(t, db, owner), newPatient(t, db, owner), newDoctor(t, db), newDoctor(t, db)
		var made []domain.Assignment
		for _, pair := range []struct {
			patient patients.ID
			doctor  doctors.ID
		}{{ann, first}, {ann, second}, {bob, first}, {bob, second}} {
			made = append(made, mustAdd(t, repository, domain.New(owner, pair.patient, pair.doctor, now)))
		}
		t.Run("ends one assignment, once", func(t *testing.T) {
			require.NoError(t, repository.Remove(ctx, scope, made[0].ID))
			require.ElementsMatch(t, made[1:], listed(ctx, t, repository, scope, domain.Filter{}))
			require.ErrorIs(t, repository.Remove(ctx, scope, made[0].ID), assignments.ErrNotFound)
			require.ErrorIs(t, repository.Remove(ctx, scope, assignments.ID{}), assignments.ErrNotFound)
		})
		t.Run("ends all of a doctor and no other", func(t *testing.T) {
			all, err := repository.OfDoctor(ctx, second, 500)
			require.NoError(t, err)
			require.ElementsMatch(t, []domain.Assignment{made[1], made[3]}, all)
			owners, err := repository.Owners(ctx, second, 500)
			require.NoError(t, err)
			require.Equal(t, []uuid.UUID{owner, owner}, owners)
			some, err := repository.OfDoctor(ctx, second, 1)
			require.NoError(t, err)
			require.Len(t, some, 1)
			ended, err := repository.RemoveAll(ctx, append(all, domain.New(owner, ann, second, now)))
			require.NoError(t, err)
			require.ElementsMatch(t, all, ended, "those that there were")
			require.Equal(t, made[2:3], listed(ctx, t, repository, scope, domain.Filter{}))
		})
		t.Run("moves those whose patient is not assigned there yet", func(t *testing.T) {
			there, missing := domain.New(owner, bob, first, now), domain.New(owner, ann, first, now)
			added, err := repository.AddMissing(ctx, []domain.Assignment{there, missing})
			require.NoError(t, err)
			require.Equal(t, []domain.Assignment{missing}, added)
			_, err = repository.AddMissing(ctx, []domain.Assignment{domain.New(owner, bob, doctors.ID{UUID: uuid.New()}, now)})
			require.Error(t, err, "there is no such doctor")
		})
		t.Run("ends all of a patient and no other", func(t *testing.T) {
			ended, err := repository.RemoveAllOfPatients(ctx, []patients.ID{ann})
			require.NoError(t, err)
			require.Equal(t, 1, ended)
			require.Equal(t, made[2:3], listed(ctx, t, repository, scope, domain.Filter{}))
			_, err = repository.RemoveAllOfPatients(ctx, []patients.ID{bob})
			require.NoError(t, err)
			require.Empty(t, listed(ctx, t, repository, scope, domain.Filter{}))
		})
		t.Run("of nobody's is no error, and ends nothing", func(t *testing.T) {
			one := mustAdd(t, repository, domain.New(owner, ann, first, now))
			ended, err := repository.RemoveAllOfPatients(ctx, []patients.ID{{}})
			require.NoError(t, err)
			require.Zero(t, ended)
			none, err := repository.RemoveAll(ctx, nil)
			require.NoError(t, err)
			require.Empty(t, none)
			require.Equal(t, []domain.Assignment{one}, listed(ctx, t, repository, scope, domain.Filter{}))
		})
		t.Run("is undone with its transaction", func(t *testing.T) {
			before := listed(ctx, t, repository, scope, domain.Filter{})
			require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
				_, err := repository.RemoveAllOfPatients(ctx, []patients.ID{ann})
				require.NoError(t, err)
				require.Empty(t, listed(ctx, t, repository, scope, domain.Filter{}))
				return context.Canceled
			}), context.Canceled)
			require.Equal(t, before, listed(ctx, t, repository, scope, domain.Filter{}))
		})
	})
}
