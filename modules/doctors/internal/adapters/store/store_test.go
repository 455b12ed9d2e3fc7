package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

func TestAddAndFind(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx := t.Context()
		for name, doctor := range map[string]domain.Doctor{"all fields": vikram(), "required fields only": novice()} {
			t.Run("a doctor with "+name+" is stored, with times in UTC to the microsecond", func(t *testing.T) {
				mustAdd(t, repository, doctor)
				found, err := repository.Find(ctx, doctor.ID)
				require.NoError(t, err)
				require.Equal(t, doctor, found)
			})
		}
		t.Run("a time in another zone is stored as the same instant in UTC", func(t *testing.T) {
			doctor := novice()
			doctor.CreatedAt = now.In(time.FixedZone("east", 5*60*60+30*60))
			mustAdd(t, repository, doctor)
			found, err := repository.Find(ctx, doctor.ID)
			require.NoError(t, err)
			require.Equal(t, now, found.CreatedAt)
		})
		t.Run("a missing doctor is not found", func(t *testing.T) {
			for _, id := range []doctors.ID{newID(), {}} {
				found, err := repository.Find(ctx, id)
				require.ErrorIs(t, err, doctors.ErrNotFound)
				require.Zero(t, found)
			}
		})
		t.Run("the same doctor cannot be added twice", func(t *testing.T) {
			require.Equal(t, errs.Conflict, errs.KindOf(repository.Add(ctx, mustAdd(t, repository, novice()))))
		})
		t.Run("a rolled back transaction removes the doctor", func(t *testing.T) {
			doctor := novice()
			require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
				require.NoError(t, repository.Add(ctx, doctor))
				_, err := repository.Find(ctx, doctor.ID)
				require.NoError(t, err, "the transaction sees its own writes")
				return context.Canceled
			}), context.Canceled)
			_, err := repository.Find(ctx, doctor.ID)
			require.ErrorIs(t, err, doctors.ErrNotFound)
		})
	})
}

func TestLicenseNumber(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		ctx := t.Context()
		first := mustAdd(t, repository, vikram())
		t.Run("is rejected if another doctor has it", func(t *testing.T) {
			require.ErrorIs(t, repository.Add(ctx, vikram()), doctors.ErrLicenseNumberTaken)
		})
		t.Run("is rejected in a change, which stores nothing", func(t *testing.T) {
			other := mustAdd(t, repository, novice())
			_, err := repository.Change(ctx, other.ID, func(d *domain.Doctor) error {
				d.LicenseNumber = first.LicenseNumber
				return rename("unused")(d)
			})
			require.ErrorIs(t, err, doctors.ErrLicenseNumberTaken)
			found, err := repository.Find(ctx, other.ID)
			require.NoError(t, err)
			require.Equal(t, other, found)
		})
		t.Run("may be missing for several doctors", func(t *testing.T) {
			mustAdd(t, repository, novice())
			mustAdd(t, repository, novice())
		})
		t.Run("is available again after its doctor lost it or was removed", func(t *testing.T) {
			_, err := repository.Change(ctx, first.ID, func(d *domain.Doctor) error {
				d.LicenseNumber = ""
				return rename("Vikram")(d)
			})
			require.NoError(t, err)
			second := mustAdd(t, repository, vikram())
			require.NoError(t, repository.Remove(ctx, second.ID))
			mustAdd(t, repository, vikram())
		})
	})
}

// shown returns the fields of a doctor that other modules can see.
func shown(d domain.Doctor) domain.Doctor {
	return domain.Doctor{
		ID:      d.ID,
		Details: domain.Details{Name: d.Name, Specialization: d.Specialization, Experience: d.Experience},
	}
}

func TestFindAll(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		a, b := shown(mustAdd(t, repository, vikram())), shown(mustAdd(t, repository, novice()))
		find := func(t *testing.T, ids ...doctors.ID) []domain.Doctor {
			found, err := repository.FindAll(t.Context(), ids)
			require.NoError(t, err)
			return found
		}
		t.Run("returns each requested doctor once", func(t *testing.T) {
			require.ElementsMatch(t, []domain.Doctor{a, b}, find(t, b.ID, a.ID, a.ID))
			require.Equal(t, []domain.Doctor{b}, find(t, b.ID))
		})
		t.Run("omits missing doctors", func(t *testing.T) {
			require.Equal(t, []domain.Doctor{a}, find(t, newID(), a.ID, doctors.ID{}))
		})
		t.Run("returns nothing for no ids", func(t *testing.T) { require.Empty(t, find(t)) })
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		t.Run("is empty at first", func(t *testing.T) { require.Empty(t, listAll(t.Context(), t, repository)) })
		t.Run("is ordered from newest to oldest, and by id for equal times", func(t *testing.T) {
			var added []domain.Doctor
			for _, at := range []time.Duration{0, time.Microsecond, -time.Hour, 0, 25 * time.Hour, 0} {
				doctor := novice()
				doctor.CreatedAt = now.Add(at)
				added = append(added, mustAdd(t, repository, doctor))
			}
			slices.SortFunc(added, func(a, b domain.Doctor) int {
				if order := b.CreatedAt.Compare(a.CreatedAt); order != 0 {
					return order
				}
				return slices.Compare(b.ID.UUID[:], a.ID.UUID[:])
			})
			require.Equal(t, added, listAll(t.Context(), t, repository))
		})
	})
}

func TestRemoveAndLock(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx := t.Context()
		removed, remaining := mustAdd(t, repository, novice()), mustAdd(t, repository, novice())
		user := databasetest.NewUser(t, db)
		patient := databasetest.NewPatient(t, db, user)
		assign := func(ctx context.Context, doctor doctors.ID) error {
			return databasetest.Assign(ctx, db, user, patient, doctor.UUID)
		}
		t.Run("a locked doctor is unchanged", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error { return lock(ctx, repository, removed.ID) }))
			found, err := repository.Find(ctx, removed.ID)
			require.NoError(t, err)
			require.Equal(t, removed, found)
		})
		t.Run("a locked doctor cannot be assigned until the transaction ends", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(locked context.Context) error {
				require.NoError(t, lock(locked, repository, remaining.ID))
				soon, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
				err := assign(soon, remaining.ID)
				require.Equal(t, errs.Unavailable, errs.KindOf(err), "it should wait for the transaction")
				return nil
			}))
			require.NoError(t, assign(ctx, remaining.ID))
		})
		t.Run("removes one doctor only", func(t *testing.T) {
			require.NoError(t, repository.Remove(ctx, removed.ID))
			require.Equal(t, []domain.Doctor{remaining}, listAll(ctx, t, repository))
		})
		t.Run("a removed doctor can be neither locked nor removed", func(t *testing.T) {
			require.ErrorIs(t, lock(ctx, repository, removed.ID), doctors.ErrNotFound)
			require.ErrorIs(t, repository.Remove(ctx, removed.ID), doctors.ErrNotFound)
			require.ErrorIs(t, repository.Remove(ctx, doctors.ID{}), doctors.ErrNotFound)
		})
		t.Run("a doctor with assignments cannot be removed", func(t *testing.T) {
			err := repository.Remove(ctx, remaining.ID)
			require.ErrorContains(t, err, "react to doctors.Deleted")
			require.Equal(t, []domain.Doctor{remaining}, listAll(ctx, t, repository))
		})
	})
}
