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
		find := func(t *testing.T, id patients.ID) domain.Patient {
			patient, err := repository.Find(ctx, scope, id)
			require.NoError(t, err)
			return patient
		}
		t.Run("stores the patient as the rule changed it, and returns it", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			changed, err := repository.Change(ctx, scope, patient.ID, rename("Benjamin"))
			require.NoError(t, err)
			patient.Details.Name, patient.Version, patient.UpdatedAt = "Benjamin", 2, now.Add(time.Hour)
			require.Equal(t, patient, changed)
			require.Equal(t, patient, find(t, patient.ID))
		})
		t.Run("stores empty and zero values (X13)", func(t *testing.T) {
			patient := mustAdd(t, repository, ananya(owner))
			patient.Details = domain.Details{Name: "A", Gender: "Other"}
			patient.Version = 2
			_, err := repository.Change(ctx, scope, patient.ID, func(p *domain.Patient) error {
				p.Details, p.Version = patient.Details, patient.Version
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, patient, find(t, patient.ID))
		})
		t.Run("replaces an age by a birth date, and the reverse", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			for _, details := range []domain.Details{
				{Name: "B", Gender: "Other", Age: 22},
				{Name: "B", Gender: "Other", BirthDate: patient.Details.BirthDate},
				{Name: "B", Gender: "Other"},
			} {
				_, err := repository.Change(ctx, scope, patient.ID, func(p *domain.Patient) error {
					p.Details = details
					p.Version++
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, details, find(t, patient.ID).Details)
			}
		})
		t.Run("writes nothing if the rule changes nothing", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			changed, err := repository.Change(ctx, scope, patient.ID, func(*domain.Patient) error { return nil })
			require.NoError(t, err)
			require.Equal(t, patient, changed)
			require.Equal(t, patient, find(t, patient.ID))
		})
		t.Run("does not change the owner and the time of creation", func(t *testing.T) {
			patient, other := mustAdd(t, repository, ben(t, owner)), databasetest.NewUser(t, db)
			_, err := repository.Change(ctx, scope, patient.ID, func(p *domain.Patient) error {
				p.OwnerID, p.CreatedAt = other, now.Add(time.Hour)
				return rename("Benjamin")(p)
			})
			require.NoError(t, err)
			require.Equal(t, owner, find(t, patient.ID).OwnerID)
			require.Equal(t, now, find(t, patient.ID).CreatedAt)
			require.Empty(t, listAll(ctx, t, repository, patients.OwnedBy(other)))
		})
		t.Run("stores nothing if the rule fails, and returns the rule's error unchanged", func(t *testing.T) {
			patient, rejected := mustAdd(t, repository, ben(t, owner)), errors.New("rejected")
			_, err := repository.Change(ctx, scope, patient.ID, func(p *domain.Patient) error {
				require.NoError(t, rename("unused")(p))
				return rejected
			})
			require.Same(t, rejected, err)
			require.Equal(t, patient, find(t, patient.ID))
		})
		t.Run("does not run the rule for a missing patient", func(t *testing.T) {
			_, err := repository.Change(ctx, scope, recordid.New[patients.ID](), func(*domain.Patient) error {
				t.Error("the rule ran")
				return nil
			})
			require.ErrorIs(t, err, patients.ErrNotFound)
		})
		t.Run("joins the transaction of its context", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
				_, err := repository.Change(ctx, scope, patient.ID, rename("unused"))
				require.NoError(t, err)
				return context.Canceled
			}), context.Canceled)
			require.Equal(t, patient, find(t, patient.ID))
		})
	})
}

// TestConcurrentChanges verifies R-32: concurrent updates are all kept.
func TestConcurrentChanges(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := databasetest.NewUser(t, db)
		scope := patients.OwnedBy(owner)
		patient := ben(t, owner)
		patient.Details.BirthDate = domain.Date{}
		mustAdd(t, repository, patient)

		const writers = 20
		results := make([]error, writers)
		var running sync.WaitGroup
		for i := range writers {
			running.Go(func() {
				_, results[i] = repository.Change(t.Context(), scope, patient.ID, func(p *domain.Patient) error {
					time.Sleep(5 * time.Millisecond) // so that unlocked writers would overlap
					p.Details.Age++
					p.Version++
					return nil
				})
			})
		}
		running.Wait()
		require.Equal(t, make([]error, writers), results)
		found, err := repository.Find(t.Context(), scope, patient.ID)
		require.NoError(t, err)
		require.Equal(t, writers, found.Details.Age)
		require.Equal(t, 1+writers, found.Version)
	})
}
