package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
)

func TestChange(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner := t.Context(), databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		found := func(t *testing.T, id patients.ID) domain.Patient {
			patient, err := repository.Find(ctx, scope, id)
			require.NoError(t, err)
			return patient
		}
		t.Run("stores what the rule made of the patient, and answers it", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			changed, err := repository.Change(ctx, scope, patient.ID, rename("Benjamin"))
			require.NoError(t, err)
			patient.Details.Name, patient.Version, patient.UpdatedAt = "Benjamin", 2, now.Add(time.Hour)
			require.Equal(t, patient, changed)
			require.Equal(t, patient, found(t, patient.ID))
		})
		t.Run("stores what became empty or zero (X13)", func(t *testing.T) {
			patient := mustAdd(t, repository, ananya(owner))
			patient.Details = domain.Details{Name: "A", Gender: "Other"} // aged 0
			patient.Version = 2
			_, err := repository.Change(ctx, scope, patient.ID, func(p *domain.Patient) error {
				p.Details, p.Version = patient.Details, patient.Version
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, patient, found(t, patient.ID))
		})
		t.Run("trades an age for a birth date, and back", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			for _, details := range []domain.Details{
				{Name: "B", Gender: "Other", Age: 22}, {Name: "B", Gender: "Other", BirthDate: patient.Details.BirthDate}, {Name: "B", Gender: "Other"},
			} {
				_, err := repository.Change(ctx, scope, patient.ID, func(p *domain.Patient) error {
					p.Details = details
					p.Version++
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, details, found(t, patient.ID).Details)
			}
		})
		t.Run("writes nothing when the rule changed nothing", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			changed, err := repository.Change(ctx, scope, patient.ID, func(*domain.Patient) error { return nil })
			require.NoError(t, err)
			require.Equal(t, patient, changed)
			require.Equal(t, patient, found(t, patient.ID))
		})
		t.Run("never changes whose patient it is, nor when it was added", func(t *testing.T) {
			patient, other := mustAdd(t, repository, ben(t, owner)), databasetest.NewUser(t, db)
			_, err := repository.Change(ctx, scope, patient.ID, func(p *domain.Patient) error {
				p.OwnerID, p.CreatedAt = other, now.Add(time.Hour)
				return rename("Benjamin")(p)
			})
			require.NoError(t, err)
			require.Equal(t, owner, found(t, patient.ID).OwnerID)
			require.Equal(t, now, found(t, patient.ID).CreatedAt)
			require.Empty(t, listed(ctx, t, repository, patients.OwnedBy(other)))
		})
		t.Run("that the rule refuses stores nothing, and returns the rule's error unchanged", func(t *testing.T) {
			patient, refused := mustAdd(t, repository, ben(t, owner)), errors.New("refused")
			_, err := repository.Change(ctx, scope, patient.ID, func(p *domain.Patient) error {
				require.NoError(t, rename("never")(p))
				return refused
			})
			require.Same(t, refused, err)
			require.Equal(t, patient, found(t, patient.ID))
		})
		t.Run("of a patient who does not exist runs no rule", func(t *testing.T) {
			_, err := repository.Change(ctx, scope, recordid.New[patients.ID](), func(*domain.Patient) error {
				t.Error("the rule ran")
				return nil
			})
			require.ErrorIs(t, err, patients.ErrNotFound)
		})
		t.Run("joins the transaction that is open", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
				_, err := repository.Change(ctx, scope, patient.ID, rename("never"))
				require.NoError(t, err)
				return context.Canceled
			}), context.Canceled)
			require.Equal(t, patient, found(t, patient.ID))
		})
	})
}

// TestConcurrentChanges verifies R-32: no update is lost.
func TestConcurrentChanges(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		patient := ben(t, owner)
		patient.Details.BirthDate = domain.Date{}
		mustAdd(t, repository, patient)

		const writers = 20
		failed := make([]error, writers)
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				_, failed[i] = repository.Change(t.Context(), scope, patient.ID, func(p *domain.Patient) error {
					time.Sleep(5 * time.Millisecond) // long enough for the others to come in between, if they could
					p.Details.Age++
					p.Version++
					return nil
				})
			})
		}
		all.Wait()
		require.Equal(t, make([]error, writers), failed)
		found, err := repository.Find(t.Context(), scope, patient.ID)
		require.NoError(t, err)
		require.Equal(t, writers, found.Details.Age)
		require.Equal(t, 1+writers, found.Version)
	})
}
