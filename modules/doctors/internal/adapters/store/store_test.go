package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/errs"
)

func TestAddAndFind(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx := t.Context()
		for what, doctor := range map[string]domain.Doctor{"everything": vikram(), "no more than needed": novice()} {
			t.Run("a doctor of whom "+what+" is known comes back as it was, times in UTC to the microsecond", func(t *testing.T) {
				kept(t, repository, doctor)
				found, err := repository.Find(ctx, doctor.ID)
				require.NoError(t, err)
				require.Equal(t, doctor, found)
			})
		}
		t.Run("a time of another zone comes back as the same instant in UTC", func(t *testing.T) {
			doctor := novice()
			doctor.CreatedAt = now.In(time.FixedZone("east", 5*60*60+30*60))
			kept(t, repository, doctor)
			found, err := repository.Find(ctx, doctor.ID)
			require.NoError(t, err)
			require.Equal(t, now, found.CreatedAt)
		})
		t.Run("a doctor whom nobody added is not found", func(t *testing.T) {
			for _, id := range []doctors.ID{newID(), {}} {
				found, err := repository.Find(ctx, id)
				require.ErrorIs(t, err, doctors.ErrNotFound)
				require.Zero(t, found)
			}
		})
		t.Run("the same doctor cannot be added twice", func(t *testing.T) {
			require.Equal(t, errs.Conflict, errs.KindOf(repository.Add(ctx, kept(t, repository, novice()))))
		})
		t.Run("an undone transaction takes the doctor with it", func(t *testing.T) {
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
		first := kept(t, repository, vikram())
		t.Run("is taken when another doctor has it", func(t *testing.T) {
			require.ErrorIs(t, repository.Add(ctx, vikram()), doctors.ErrLicenseNumberTaken)
		})
		t.Run("is taken likewise for a change, which is undone", func(t *testing.T) {
			other := kept(t, repository, novice())
			_, err := repository.Change(ctx, other.ID, func(d *domain.Doctor) error {
				d.LicenseNumber = first.LicenseNumber
				return rename("never")(d)
			})
			require.ErrorIs(t, err, doctors.ErrLicenseNumberTaken)
			found, err := repository.Find(ctx, other.ID)
			require.NoError(t, err)
			require.Equal(t, other, found)
		})
		t.Run("may be missing as often as one likes", func(t *testing.T) {
			kept(t, repository, novice())
			kept(t, repository, novice())
		})
		t.Run("is free again when its doctor lost it or was removed", func(t *testing.T) {
			_, err := repository.Change(ctx, first.ID, func(d *domain.Doctor) error {
				d.LicenseNumber = ""
				return rename("Vikram")(d)
			})
			require.NoError(t, err)
			second := kept(t, repository, vikram())
			require.NoError(t, repository.Remove(ctx, second.ID))
			kept(t, repository, vikram())
		})
	})
}

// shown is as much of a doctor as other modules see.
func shown(d domain.Doctor) domain.Doctor {
	return domain.Doctor{
		ID:      d.ID,
		Details: domain.Details{Name: d.Name, Specialization: d.Specialization, Experience: d.Experience},
	}
}

func TestFindAll(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		a, b := shown(kept(t, repository, vikram())), shown(kept(t, repository, novice()))
		find := func(t *testing.T, ids ...doctors.ID) []domain.Doctor {
			found, err := repository.FindAll(t.Context(), ids)
			require.NoError(t, err)
			return found
		}
		t.Run("is those that are asked for, once each", func(t *testing.T) {
			require.ElementsMatch(t, []domain.Doctor{a, b}, find(t, b.ID, a.ID, a.ID))
			require.Equal(t, []domain.Doctor{b}, find(t, b.ID))
		})
		t.Run("leaves out those that do not exist", func(t *testing.T) {
			require.Equal(t, []domain.Doctor{a}, find(t, newID(), a.ID, doctors.ID{}))
		})
		t.Run("of nobody is nobody", func(t *testing.T) { require.Empty(t, find(t)) })
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		t.Run("is empty at first", func(t *testing.T) { require.Empty(t, listed(t.Context(), t, repository)) })
		t.Run("is newest first, and those of the same moment by their ids", func(t *testing.T) {
			var added []domain.Doctor
			for _, at := range []time.Duration{0, time.Microsecond, -time.Hour, 0, 25 * time.Hour, 0} {
				doctor := novice()
				doctor.CreatedAt = now.Add(at)
				added = append(added, kept(t, repository, doctor))
			}
			slices.SortFunc(added, func(a, b domain.Doctor) int {
				if order := b.CreatedAt.Compare(a.CreatedAt); order != 0 {
					return order
				}
				return slices.Compare(b.ID.UUID[:], a.ID.UUID[:])
			})
			require.Equal(t, added, listed(t.Context(), t, repository))
		})
	})
}

func TestRemoveAndHold(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx := t.Context()
		gone, stays := kept(t, repository, novice()), kept(t, repository, novice())
		t.Run("a held doctor is still the same", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error { return hold(ctx, repository, gone.ID) }))
			found, err := repository.Find(ctx, gone.ID)
			require.NoError(t, err)
			require.Equal(t, gone, found)
		})
		t.Run("a held doctor cannot be assigned until the transaction ends", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(held context.Context) error {
				require.NoError(t, hold(held, repository, stays.ID))
				soon, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
				require.Equal(t, errs.Unavailable, errs.KindOf(assign(soon, db, stays.ID)), "it should wait for the transaction")
				return nil
			}))
			require.NoError(t, assign(ctx, db, stays.ID))
		})
		t.Run("a removed doctor is gone, and the others are there", func(t *testing.T) {
			require.NoError(t, repository.Remove(ctx, gone.ID))
			require.Equal(t, []domain.Doctor{stays}, listed(ctx, t, repository))
		})
		t.Run("a doctor who is gone can be neither held nor removed", func(t *testing.T) {
			require.ErrorIs(t, hold(ctx, repository, gone.ID), doctors.ErrNotFound)
			require.ErrorIs(t, repository.Remove(ctx, gone.ID), doctors.ErrNotFound)
			require.ErrorIs(t, repository.Remove(ctx, doctors.ID{}), doctors.ErrNotFound)
		})
		t.Run("a doctor whom others refer to cannot be removed behind their back", func(t *testing.T) {
			err := repository.Remove(ctx, stays.ID)
			require.ErrorContains(t, err, "react to doctors.Deleted")
			require.Equal(t, []domain.Doctor{stays}, listed(ctx, t, repository))
		})
	})
}

// assign has other modules refer to the doctor, in a transaction of the context.
func assign(ctx context.Context, db *database.DB, doctor doctors.ID) error {
	user, patient := newID(), newID()
	return db.Do(ctx, func(ctx context.Context) error {
		for _, insert := range []struct {
			statement string
			values    []any
		}{
			{`INSERT INTO users (id, name, email, mailbox, username, password_hash, active, token_version, created_at, updated_at)
			VALUES (?, 'A', 'a@example.com', ?, ?, '-', ?, 0, ?, ?)`, []any{user, user.String(), user.String(), true, database.At(now), database.At(now)}},
			{`INSERT INTO patients (id, owner_id, name, gender, age, email, phone, address, notes, version, created_at, updated_at)
			VALUES (?, ?, 'P', 'Other', 1, '', '', '', '', 1, ?, ?)`, []any{patient, user, database.At(now), database.At(now)}},
			{`INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at) VALUES (?, ?, ?, ?, ?)`,
				[]any{uuid.Must(uuid.NewV7()), user, patient, doctor, database.At(now)}},
		} {
			if err := db.Write(ctx).Exec(insert.statement, insert.values...).Error; err != nil {
				return err
			}
		}
		return nil
	})
}
