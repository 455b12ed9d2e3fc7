package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/adapters/store"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
)

var madeAt = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

func wholeType(name string) domain.Type {
	return domain.Type{
		ID: recordid.New[domain.TypeID](), Version: 1, CreatedAt: madeAt, UpdatedAt: madeAt.Add(time.Microsecond),
		TypeDetails: domain.TypeDetails{
			Name: name, Minutes: 30, BufferBefore: 5, BufferAfter: 10, Capacity: 1,
			NeedsConfirmation: true, ForPatients: true, Active: true,
		},
	}
}

// addedType stores a type and returns it.
func addedType(t *testing.T, repository ports.Types, name string) domain.Type {
	t.Helper()
	kind := wholeType(name)
	require.NoError(t, repository.Add(t.Context(), kind))
	return kind
}

func renamed(name string) func(*domain.Type) error {
	return func(kind *domain.Type) error {
		kind.Name, kind.Version = name, kind.Version+1
		return nil
	}
}

func mayRemove(domain.Type) error { return nil }

func TestTypes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, ctx := store.NewTypes(db), t.Context()
		t.Run("are found as they were stored", func(t *testing.T) {
			first := addedType(t, repository, "Found ä𝒜")
			second := domain.Type{ID: recordid.New[domain.TypeID](), CreatedAt: madeAt, UpdatedAt: madeAt, Version: 1,
				TypeDetails: domain.TypeDetails{Name: "Least", Minutes: 5, Capacity: 1}}
			require.NoError(t, repository.Add(ctx, second))
			for _, want := range []domain.Type{first, second} {
				found, err := repository.Find(ctx, want.ID)
				require.NoError(t, err)
				require.Equal(t, want, found)
			}
			found, err := repository.FindAll(ctx, []domain.TypeID{second.ID, recordid.New[domain.TypeID](), first.ID})
			require.NoError(t, err)
			require.Equal(t, map[domain.TypeID]domain.Type{first.ID: first, second.ID: second}, found)
		})
		t.Run("are not found if they do not exist", func(t *testing.T) {
			missing := recordid.New[domain.TypeID]()
			_, err := repository.Find(ctx, missing)
			require.ErrorIs(t, err, appointments.ErrTypeNotFound)
			_, err = repository.Change(ctx, missing, renamed("unused"))
			require.ErrorIs(t, err, appointments.ErrTypeNotFound)
			require.ErrorIs(t, repository.Remove(ctx, missing, mayRemove), appointments.ErrTypeNotFound)
			found, err := repository.FindAll(ctx, nil)
			require.NoError(t, err)
			require.Empty(t, found)
		})
		t.Run("have unique names", func(t *testing.T) {
			addedType(t, repository, "Taken")
			require.ErrorIs(t, repository.Add(ctx, wholeType("Taken")), appointments.ErrTypeNameTaken)
			other := addedType(t, repository, "Other")
			_, err := repository.Change(ctx, other.ID, renamed("Taken"))
			require.ErrorIs(t, err, appointments.ErrTypeNameTaken)
			found, err := repository.Find(ctx, other.ID)
			require.NoError(t, err)
			require.Equal(t, other, found)
		})
		t.Run("are changed by the rule, except id and creation", func(t *testing.T) {
			kind := addedType(t, repository, "Before")
			want := domain.Type{ID: kind.ID, CreatedAt: kind.CreatedAt, UpdatedAt: madeAt.Add(time.Hour), Version: 2,
				TypeDetails: domain.TypeDetails{Name: "After", Minutes: 5, Capacity: 1}}
			changed, err := repository.Change(ctx, kind.ID, func(k *domain.Type) error {
				require.Equal(t, kind, *k)
				*k = want
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, want, changed)
			found, err := repository.Find(ctx, kind.ID)
			require.NoError(t, err)
			require.Equal(t, want, found)
		})
		t.Run("stay as they are if the rule fails", func(t *testing.T) {
			kind, rejected := addedType(t, repository, "Kept"), errors.New("rejected")
			_, err := repository.Change(ctx, kind.ID, func(k *domain.Type) error {
				k.Name = "unused"
				return rejected
			})
			require.Same(t, rejected, err)
			require.Same(t, rejected, repository.Remove(ctx, kind.ID, func(domain.Type) error { return rejected }))
			found, err := repository.Find(ctx, kind.ID)
			require.NoError(t, err)
			require.Equal(t, kind, found)
		})
		t.Run("are removed", func(t *testing.T) {
			kind := addedType(t, repository, "Removed")
			require.NoError(t, repository.Remove(ctx, kind.ID, func(k domain.Type) error {
				require.Equal(t, kind, k)
				return nil
			}))
			_, err := repository.Find(ctx, kind.ID)
			require.ErrorIs(t, err, appointments.ErrTypeNotFound)
		})
	})
}

func TestListOfTypes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, ctx := store.NewTypes(db), t.Context()
		all := map[string]domain.Type{}
		for name, of := range map[string][2]bool{"both": {true, true}, "active": {true, false},
			"for patients": {false, true}, "none": {false, false}} {
			kind := wholeType(name)
			kind.Active, kind.ForPatients = of[0], of[1]
			require.NoError(t, repository.Add(ctx, kind))
			all[name] = kind
		}
		for _, c := range []struct {
			filter domain.TypeFilter
			names  []string
		}{
			{domain.TypeFilter{}, []string{"both", "active", "for patients", "none"}},
			{domain.TypeFilter{Active: new(true)}, []string{"both", "active"}},
			{domain.TypeFilter{Active: new(false)}, []string{"for patients", "none"}},
			{domain.TypeFilter{ShownToPatients: true}, []string{"both"}},
			{domain.TypeFilter{Active: new(true), ShownToPatients: true}, []string{"both"}},
			{domain.TypeFilter{Active: new(false), ShownToPatients: true}, nil},
		} {
			page, err := repository.List(ctx, c.filter, databasetest.NewestFirst("created_at"))
			require.NoError(t, err)
			var names []string
			for _, kind := range page.Items {
				names = append(names, kind.Name)
				require.Equal(t, all[kind.Name], kind)
			}
			require.ElementsMatch(t, c.names, names)
		}
	})
}

// TestTypesInUse verifies that a type is not removed while another row refers to it.
func TestTypesInUse(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, ctx := store.NewTypes(db), t.Context()
		run := func(t *testing.T, statement string, values ...any) {
			t.Helper()
			require.NoError(t, db.Write(ctx).Exec(statement, values...).Error)
		}
		for name, use := range map[string]func(t *testing.T, kind domain.Type) (release string){
			"an appointment": func(t *testing.T, kind domain.Type) string {
				addVisit(t, db, doctors.ID{UUID: databasetest.NewDoctor(t, db)}, kind, madeAt)
				return "DELETE FROM appointments"
			},
			"a window": func(t *testing.T, kind domain.Type) string {
				_, err := newAvailability(db).Replace(ctx, doctors.ID{UUID: databasetest.NewDoctor(t, db)},
					func(a *domain.Availability) error {
						a.Version, a.UpdatedAt = 1, madeAt
						a.Windows = []calendar.Window{
							{Minutes: calendar.Minutes{From: 0, To: 60}, Type: kind.ID.UUID},
						}
						return nil
					})
				require.NoError(t, err)
				return "DELETE FROM availability_windows"
			},
			"an entry of the waiting list": func(t *testing.T, kind domain.Type) string {
				owner := databasetest.NewUser(t, db)
				run(t, `INSERT INTO waiting_entries (id, owner_id, patient_id, type_id, from_on, to_on, part_of_day,
					state, version, created_by, created_at, updated_at)
					VALUES (?, ?, ?, ?, '2026-12-24', '2026-12-24', 'any', 'waiting', 1, ?, ?, ?)`,
					uuid.New(), owner, databasetest.NewPatient(t, db, owner), kind.ID, owner,
					database.At(madeAt), database.At(madeAt))
				return "DELETE FROM waiting_entries"
			},
		} {
			t.Run("by "+name, func(t *testing.T) {
				kind := addedType(t, repository, "Used by "+name)
				release := use(t, kind)
				require.ErrorIs(t, repository.Remove(ctx, kind.ID, mayRemove), appointments.ErrTypeInUse)
				run(t, release)
				require.NoError(t, repository.Remove(ctx, kind.ID, mayRemove))
			})
		}
	})
}

// TestConcurrentUseOfATypeDuringItsRemoval verifies that either the type is removed, or the window refers to it.
func TestConcurrentUseOfATypeDuringItsRemoval(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, availability := store.NewTypes(db), newAvailability(db)
		for range 10 {
			kind := addedType(t, repository, uuid.NewString())
			doctor := doctors.ID{UUID: databasetest.NewDoctor(t, db)}
			var removed, used error
			var both sync.WaitGroup
			both.Go(func() { removed = repository.Remove(t.Context(), kind.ID, mayRemove) })
			both.Go(func() {
				used = db.Do(t.Context(), func(ctx context.Context) error {
					if _, err := repository.Find(ctx, kind.ID); err != nil { // as the use case does
						return err
					}
					_, err := availability.Replace(ctx, doctor, func(a *domain.Availability) error {
						a.Version, a.UpdatedAt = 1, madeAt
						a.Windows = []calendar.Window{
							{Minutes: calendar.Minutes{From: 0, To: 60}, Type: kind.ID.UUID},
						}
						return nil
					})
					return err
				})
			})
			both.Wait()
			if removed == nil {
				require.ErrorIs(t, used, appointments.ErrTypeNotFound)
			} else {
				require.ErrorIs(t, removed, appointments.ErrTypeInUse)
				require.NoError(t, used)
			}
		}
	})
}

// addVisit stores a booked appointment of a new patient.
func addVisit(t *testing.T, db *database.DB, doctor doctors.ID, kind domain.Type, start time.Time) domain.Appointment {
	t.Helper()
	return addVisitAs(t, db, doctor, kind, start, func(*domain.Appointment) {})
}

// addVisitAs stores an appointment of a new patient as change leaves it.
func addVisitAs(
	t *testing.T, db *database.DB, doctor doctors.ID, kind domain.Type, start time.Time,
	change func(*domain.Appointment),
) domain.Appointment {
	t.Helper()
	owner := databasetest.NewUser(t, db)
	patient := patients.Patient{ID: patients.ID{UUID: databasetest.NewPatient(t, db, owner)}, Owner: owner}
	visit := domain.New(patient, "", owner, madeAt)
	visit.Place(doctor, kind, start, time.UTC)
	visit.Status = appointments.Booked
	change(&visit)
	require.NoError(t, store.New(db).Add(t.Context(), visit))
	return visit
}
