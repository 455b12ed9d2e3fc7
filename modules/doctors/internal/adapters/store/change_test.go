package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/database"
)

func TestChange(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx := t.Context()
		found := func(t *testing.T, id doctors.ID) domain.Doctor {
			doctor, err := repository.Find(ctx, id)
			require.NoError(t, err)
			return doctor
		}
		t.Run("stores what the rule made of the doctor, and answers it", func(t *testing.T) {
			doctor := mustAdd(t, repository, novice())
			changed, err := repository.Change(ctx, doctor.ID, rename("M"))
			require.NoError(t, err)
			doctor.Name, doctor.Version, doctor.UpdatedAt = "M", 2, now.Add(time.Hour)
			require.Equal(t, doctor, changed)
			require.Equal(t, doctor, found(t, doctor.ID))
		})
		t.Run("stores what became empty or zero (X13)", func(t *testing.T) {
			doctor := mustAdd(t, repository, vikram())
			doctor.Details, doctor.Version = domain.Details{Name: "V", Specialization: "S"}, 2
			_, err := repository.Change(ctx, doctor.ID, func(d *domain.Doctor) error {
				d.Details, d.Version = doctor.Details, doctor.Version
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, doctor, found(t, doctor.ID))
		})
		t.Run("writes nothing when the rule changed nothing", func(t *testing.T) {
			doctor := mustAdd(t, repository, vikram())
			changed, err := repository.Change(ctx, doctor.ID, func(*domain.Doctor) error { return nil })
			require.NoError(t, err)
			require.Equal(t, doctor, changed)
			require.Equal(t, doctor, found(t, doctor.ID))
		})
		t.Run("changes nobody else, and not when the doctor was added", func(t *testing.T) {
			doctor, other := mustAdd(t, repository, novice()), mustAdd(t, repository, novice())
			_, err := repository.Change(ctx, doctor.ID, func(d *domain.Doctor) error {
				d.CreatedAt = now.Add(time.Hour)
				return rename("M")(d)
			})
			require.NoError(t, err)
			require.Equal(t, now, found(t, doctor.ID).CreatedAt)
			require.Equal(t, other, found(t, other.ID))
		})
		t.Run("that the rule refuses stores nothing, and returns the rule's error unchanged", func(t *testing.T) {
			doctor, refused := mustAdd(t, repository, novice()), errors.New("refused")
			_, err := repository.Change(ctx, doctor.ID, func(d *domain.Doctor) error {
				require.NoError(t, rename("never")(d))
				return refused
			})
			require.Same(t, refused, err)
			require.Equal(t, doctor, found(t, doctor.ID))
		})
		t.Run("of a doctor who does not exist runs no rule", func(t *testing.T) {
			changed, err := repository.Change(ctx, newID(), func(*domain.Doctor) error {
				t.Error("the rule ran")
				return nil
			})
			require.ErrorIs(t, err, doctors.ErrNotFound)
			require.Zero(t, changed)
		})
		t.Run("joins the transaction that is open", func(t *testing.T) {
			doctor := mustAdd(t, repository, novice())
			require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
				_, err := repository.Change(ctx, doctor.ID, rename("never"))
				require.NoError(t, err)
				return context.Canceled
			}), context.Canceled)
			require.Equal(t, doctor, found(t, doctor.ID))
		})
	})
}

// TestConcurrentChanges verifies R-32: no update is lost.
func TestConcurrentChanges(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		const writers = 20
		doctor, failed := mustAdd(t, repository, novice()), make([]error, writers)
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				_, failed[i] = repository.Change(t.Context(), doctor.ID, func(d *domain.Doctor) error {
					time.Sleep(5 * time.Millisecond) // long enough for the others to come in between, if they could
					d.Experience++
					d.Version++
					return nil
				})
			})
		}
		all.Wait()
		require.Equal(t, make([]error, writers), failed)
		found, err := repository.Find(t.Context(), doctor.ID)
		require.NoError(t, err)
		require.Equal(t, writers, found.Experience)
		require.Equal(t, 1+writers, found.Version)
	})
}
