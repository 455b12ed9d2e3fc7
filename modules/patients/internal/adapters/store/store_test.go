package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

func TestAddAndFind(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		for what, patient := range map[string]domain.Patient{"everything": ananya(owner), "no more than needed": ben(t, owner)} {
			t.Run("a patient of whom "+what+" is known comes back as it was, times in UTC to the microsecond", func(t *testing.T) {
				mustAdd(t, repository, patient)
				found, err := repository.Find(ctx, scope, patient.ID)
				require.NoError(t, err)
				require.Equal(t, patient, found)
			})
		}
		t.Run("a time of another zone comes back as the same instant in UTC", func(t *testing.T) {
			patient := ben(t, owner)
			patient.CreatedAt = now.In(time.FixedZone("east", 5*60*60+30*60))
			mustAdd(t, repository, patient)
			found, err := repository.Find(ctx, scope, patient.ID)
			require.NoError(t, err)
			require.Equal(t, now, found.CreatedAt)
		})
		t.Run("a newborn's age of 0 is an age", func(t *testing.T) {
			patient := ben(t, owner)
			patient.Details.BirthDate = domain.Date{}
			mustAdd(t, repository, patient)
			found, err := repository.Find(ctx, scope, patient.ID)
			require.NoError(t, err)
			require.Equal(t, patient, found)
		})
		t.Run("a patient whom nobody added is not found", func(t *testing.T) {
			_, err := repository.Find(ctx, scope, recordid.New[patients.ID]())
			require.ErrorIs(t, err, patients.ErrNotFound)
			_, err = repository.Find(ctx, scope, patients.ID{})
			require.ErrorIs(t, err, patients.ErrNotFound)
		})
		t.Run("the same patient cannot be added twice", func(t *testing.T) {
			require.Equal(t, errs.Conflict, errs.KindOf(repository.Add(ctx, mustAdd(t, repository, ben(t, owner)))))
		})
		t.Run("nobody's patient cannot be added", func(t *testing.T) {
			require.Equal(t, errs.Conflict, errs.KindOf(repository.Add(ctx, ben(t, uuid.Must(uuid.NewV7())))))
		})
		t.Run("an undone transaction takes the patient with it", func(t *testing.T) {
			patient := ben(t, owner)
			require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
				require.NoError(t, repository.Add(ctx, patient))
				_, err := repository.Find(ctx, scope, patient.ID)
				require.NoError(t, err, "the transaction sees its own writes")
				return context.Canceled
			}), context.Canceled)
			_, err := repository.Find(ctx, scope, patient.ID)
			require.ErrorIs(t, err, patients.ErrNotFound)
		})
	})
}

func TestMedicalRecordNumber(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		first := mustAdd(t, repository, ananya(owner))

		t.Run("is taken when another patient of the same owner has it", func(t *testing.T) {
			require.ErrorIs(t, repository.Add(ctx, ananya(owner)), patients.ErrMedicalRecordNumberTaken)
		})
		t.Run("is taken likewise for a change, which is undone", func(t *testing.T) {
			other := mustAdd(t, repository, ben(t, owner))
			_, err := repository.Change(ctx, scope, other.ID, func(p *domain.Patient) error {
				p.Details.MedicalRecordNumber = first.Details.MedicalRecordNumber
				return rename("never")(p)
			})
			require.ErrorIs(t, err, patients.ErrMedicalRecordNumberTaken)
			found, err := repository.Find(ctx, scope, other.ID)
			require.NoError(t, err)
			require.Equal(t, other, found)
		})
		t.Run("may be the same with another owner's patient", func(t *testing.T) {
			mustAdd(t, repository, ananya(databasetest.NewUser(t, db)))
		})
		t.Run("may be missing as often as one likes", func(t *testing.T) {
			mustAdd(t, repository, ben(t, owner))
			mustAdd(t, repository, ben(t, owner))
		})
		t.Run("is free again when its patient lost it or was removed", func(t *testing.T) {
			_, err := repository.Change(ctx, scope, first.ID, func(p *domain.Patient) error {
				p.Details.MedicalRecordNumber = ""
				return rename("Ananya")(p)
			})
			require.NoError(t, err)
			second := mustAdd(t, repository, ananya(owner))
			require.NoError(t, repository.Remove(ctx, scope, second.ID))
			mustAdd(t, repository, ananya(owner))
		})
	})
}

// shown is as much of a patient as other modules see.
func shown(p domain.Patient) domain.Patient {
	details := domain.Details{
		Name:      p.Details.Name,
		Gender:    p.Details.Gender,
		Age:       p.Details.Age,
		BirthDate: p.Details.BirthDate,
	}
	return domain.Patient{ID: p.ID, OwnerID: p.OwnerID, Details: details}
}

func TestFindAll(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		a, b := shown(mustAdd(t, repository, ananya(owner))), shown(mustAdd(t, repository, ben(t, owner)))
		find := func(t *testing.T, ids ...patients.ID) []domain.Patient {
			found, err := repository.FindAll(ctx, patients.OwnedBy(owner), ids)
			require.NoError(t, err)
			return found
		}
		t.Run("is those that are asked for, once each", func(t *testing.T) {
			require.ElementsMatch(t, []domain.Patient{a, b}, find(t, b.ID, a.ID, a.ID))
			require.Equal(t, []domain.Patient{b}, find(t, b.ID))
		})
		t.Run("leaves out those that do not exist", func(t *testing.T) {
			require.Equal(t, []domain.Patient{a}, find(t, recordid.New[patients.ID](), a.ID, patients.ID{}))
		})
		t.Run("of nobody is nobody", func(t *testing.T) { require.Empty(t, find(t)) })
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		t.Run("is empty at first", func(t *testing.T) { require.Empty(t, listed(t.Context(), t, repository, scope)) })
		t.Run("is newest first, and those of the same moment by their ids", func(t *testing.T) {
			var added []domain.Patient
			for _, at := range []time.Duration{0, time.Microsecond, -time.Hour, 0, 25 * time.Hour, 0} {
				patient := ben(t, owner)
				patient.CreatedAt = now.Add(at)
				added = append(added, mustAdd(t, repository, patient))
			}
			slices.SortFunc(added, func(a, b domain.Patient) int {
				if order := b.CreatedAt.Compare(a.CreatedAt); order != 0 {
					return order
				}
				return slices.Compare(b.ID.UUID[:], a.ID.UUID[:])
			})
			require.Equal(t, added, listed(t.Context(), t, repository, scope))
		})
	})
}

func TestRemoveAndHold(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		gone, stays := mustAdd(t, repository, ben(t, owner)), mustAdd(t, repository, ben(t, owner))
		t.Run("a locked patient is still the same", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error { return lock(ctx, repository, scope, gone.ID) }))
			found, err := repository.Find(ctx, scope, gone.ID)
			require.NoError(t, err)
			require.Equal(t, gone, found)
		})
		t.Run("a removed patient is gone, and the others are there", func(t *testing.T) {
			require.NoError(t, repository.Remove(ctx, scope, gone.ID))
			require.Equal(t, []domain.Patient{stays}, listed(ctx, t, repository, scope))
		})
		t.Run("a patient who is gone can be neither locked nor removed", func(t *testing.T) {
			require.ErrorIs(t, lock(ctx, repository, scope, gone.ID), patients.ErrNotFound)
			require.ErrorIs(t, repository.Remove(ctx, scope, gone.ID), patients.ErrNotFound)
			require.ErrorIs(t, repository.Remove(ctx, scope, patients.ID{}), patients.ErrNotFound)
		})
	})
}
