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
		find := func(t *testing.T, id doctors.ID) domain.Doctor {
			doctor, err := repository.Find(ctx, id)
			require.NoError(t, err)
			return doctor
		}
		t.Run("stores the doctor as the rule changed it, and returns it", func(t *testing.T) {
			doctor := mustAdd(t, repository, novice())
			changed, err := repository.Change(ctx, doctor.ID, rename("M"))
			require.NoError(t, err)
			doctor.Name, doctor.Version, doctor.UpdatedAt = "M", 2, now.Add(time.Hour)
			require.Equal(t, doctor, changed)
			require.Equal(t, doctor, find(t, doctor.ID))
		})
		t.Run("stores empty and zero values (X13)", func(t *testing.T) {
			doctor := mustAdd(t, repository, vikram())
			doctor.Details, doctor.Version = domain.Details{Name: "V", Specialization: "S"}, 2
			_, err := repository.Change(ctx, doctor.ID, func(d *domain.Doctor) error {
				d.Details, d.Version = doctor.Details, doctor.Version
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, doctor, find(t, doctor.ID))
		})
		t.Run("writes nothing if the rule changes nothing", func(t *testing.T) {
			doctor := mustAdd(t, repository, vikram())
			changed, err := repository.Change(ctx, doctor.ID, func(*domain.Doctor) error { return nil })
			require.NoError(t, err)
			require.Equal(t, doctor, changed)
			require.Equal(t, doctor, find(t, doctor.ID))
		})
		t.Run("does not change other doctors and the time of creation", func(t *testing.T) {
			doctor, other := mustAdd(t, repository, novice()), mustAdd(t, repository, novice())
			_, err := repository.Change(ctx, doctor.ID, func(d *domain.Doctor) error {
				d.CreatedAt = now.Add(time.Hour)
				return rename("M")(d)
			})
			require.NoError(t, err)
			require.Equal(t, now, find(t, doctor.ID).CreatedAt)
			require.Equal(t, other, find(t, other.ID))
		})
		t.Run("stores nothing if the rule fails, and returns the rule's error unchanged", func(t *testing.T) {
			doctor, rejected := mustAdd(t, repository, novice()), errors.New("rejected")
			_, err := repository.Change(ctx, doctor.ID, func(d *domain.Doctor) error {
				require.NoError(t, rename("unused")(d))
				return rejected
			})
			require.Same(t, rejected, err)
			require.Equal(t, doctor, find(t, doctor.ID))
		})
		t.Run("does not run the rule for a missing doctor", func(t *testing.T) {
			changed, err := repository.Change(ctx, newID(), func(*domain.Doctor) error {
				t.Error("the rule ran")
				return nil
			})
			require.ErrorIs(t, err, doctors.ErrNotFound)
			require.Zero(t, changed)
		})
		t.Run("joins the transaction of its context", func(t *testing.T) {
			doctor := mustAdd(t, repository, novice())
			require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
				_, err := repository.Change(ctx, doctor.ID, rename("unused"))
				require.NoError(t, err)
				return context.Canceled
			}), context.Canceled)
			require.Equal(t, doctor, find(t, doctor.ID))
		})
	})
}

// TestConcurrentChanges verifies R-32: concurrent updates are all kept.
func TestConcurrentChanges(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		const writers = 20
		doctor, results := mustAdd(t, repository, novice()), make([]error, writers)
		var running sync.WaitGroup
		for i := range writers {
			running.Go(func() {
				_, results[i] = repository.Change(t.Context(), doctor.ID, func(d *domain.Doctor) error {
					time.Sleep(5 * time.Millisecond) // so that unlocked writers would overlap
					d.Experience++
					d.Version++
					return nil
				})
			})
		}
		running.Wait()
		require.Equal(t, make([]error, writers), results)
		found, err := repository.Find(t.Context(), doctor.ID)
		require.NoError(t, err)
		require.Equal(t, writers, found.Experience)
		require.Equal(t, 1+writers, found.Version)
	})
}
