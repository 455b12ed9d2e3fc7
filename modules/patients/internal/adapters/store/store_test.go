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
		for name, patient := range map[string]domain.Patient{
			"all fields": ananya(owner), "required fields only": ben(t, owner),
		} {
			t.Run("a patient with "+name+" is stored, with times in UTC to the microsecond", func(t *testing.T) {
				mustAdd(t, repository, patient)
				found, err := repository.Find(ctx, scope, patient.ID)
				require.NoError(t, err)
				require.Equal(t, patient, found)
			})
		}
		t.Run("a time in another zone is stored as the same instant in UTC", func(t *testing.T) {
			patient := ben(t, owner)
			patient.CreatedAt = now.In(time.FixedZone("east", 5*60*60+30*60))
			mustAdd(t, repository, patient)
			found, err := repository.Find(ctx, scope, patient.ID)
			require.NoError(t, err)
			require.Equal(t, now, found.CreatedAt)
		})
		t.Run("an age of 0 is stored", func(t *testing.T) {
			patient := ben(t, owner)
			patient.Details.BirthDate = domain.Date{}
			mustAdd(t, repository, patient)
			found, err := repository.Find(ctx, scope, patient.ID)
			require.NoError(t, err)
			require.Equal(t, patient, found)
		})
		t.Run("a missing patient is not found", func(t *testing.T) {
			_, err := repository.Find(ctx, scope, recordid.New[patients.ID]())
			require.ErrorIs(t, err, patients.ErrNotFound)
			_, err = repository.Find(ctx, scope, patients.ID{})
			require.ErrorIs(t, err, patients.ErrNotFound)
		})
		t.Run("the same patient cannot be added twice", func(t *testing.T) {
			require.Equal(t, errs.Conflict, errs.KindOf(repository.Add(ctx, mustAdd(t, repository, ben(t, owner)))))
		})
		t.Run("a patient of a missing owner cannot be added", func(t *testing.T) {
			require.Equal(t, errs.Conflict, errs.KindOf(repository.Add(ctx, ben(t, uuid.Must(uuid.NewV7())))))
		})
		t.Run("a rolled back transaction removes the patient", func(t *testing.T) {
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

		t.Run("is rejected if another patient of the same owner has it", func(t *testing.T) {
			require.ErrorIs(t, repository.Add(ctx, ananya(owner)), patients.ErrMedicalRecordNumberTaken)
		})
		t.Run("is rejected in a change, which stores nothing", func(t *testing.T) {
			other := mustAdd(t, repository, ben(t, owner))
			_, err := repository.Change(ctx, scope, other.ID, func(p *domain.Patient) error {
				p.Details.MedicalRecordNumber = first.Details.MedicalRecordNumber
				return rename("unused")(p)
			})
			require.ErrorIs(t, err, patients.ErrMedicalRecordNumberTaken)
			found, err := repository.Find(ctx, scope, other.ID)
			require.NoError(t, err)
			require.Equal(t, other, found)
		})
		t.Run("may be the number of another owner's patient too", func(t *testing.T) {
			mustAdd(t, repository, ananya(databasetest.NewUser(t, db)))
		})
		t.Run("may be missing for several patients", func(t *testing.T) {
			mustAdd(t, repository, ben(t, owner))
			mustAdd(t, repository, ben(t, owner))
		})
		t.Run("is available again after its patient lost it or was removed", func(t *testing.T) {
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

// shown returns the fields of a patient that other modules can see.
func shown(p domain.Patient) domain.Patient {
	details := domain.Details{
		Name:      p.Details.Name,
		Gender:    p.Details.Gender,
		Age:       p.Details.Age,
		BirthDate: p.Details.BirthDate,
	}
	return domain.Patient{ID: p.ID, OwnerID: p.OwnerID, Details: details, Reason: p.Reason}
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
		t.Run("returns each requested patient once", func(t *testing.T) {
			require.ElementsMatch(t, []domain.Patient{a, b}, find(t, b.ID, a.ID, a.ID))
			require.Equal(t, []domain.Patient{b}, find(t, b.ID))
		})
		t.Run("omits missing patients", func(t *testing.T) {
			require.Equal(t, []domain.Patient{a}, find(t, recordid.New[patients.ID](), a.ID, patients.ID{}))
		})
		t.Run("returns nothing for no ids", func(t *testing.T) { require.Empty(t, find(t)) })
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		t.Run("is empty at first", func(t *testing.T) { require.Empty(t, listAll(t.Context(), t, repository, scope)) })
		t.Run("is ordered from newest to oldest, and by id for equal times", func(t *testing.T) {
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
			require.Equal(t, added, listAll(t.Context(), t, repository, scope))
		})
	})
}

func TestRemoveAndLock(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		removed, remaining := mustAdd(t, repository, ben(t, owner)), mustAdd(t, repository, ben(t, owner))
		t.Run("a locked patient is unchanged", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
				return lock(ctx, repository, scope, removed.ID)
			}))
			found, err := repository.Find(ctx, scope, removed.ID)
			require.NoError(t, err)
			require.Equal(t, removed, found)
		})
		t.Run("removes one patient only", func(t *testing.T) {
			require.NoError(t, repository.Remove(ctx, scope, removed.ID))
			require.Equal(t, []domain.Patient{remaining}, listAll(ctx, t, repository, scope))
		})
		t.Run("a removed patient can be neither locked nor removed", func(t *testing.T) {
			require.ErrorIs(t, lock(ctx, repository, scope, removed.ID), patients.ErrNotFound)
			require.ErrorIs(t, repository.Remove(ctx, scope, removed.ID), patients.ErrNotFound)
			require.ErrorIs(t, repository.Remove(ctx, scope, patients.ID{}), patients.ErrNotFound)
		})
	})
}
