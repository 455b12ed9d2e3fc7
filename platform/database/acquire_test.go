package database_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestWaitingForAConnection(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		cfg.PoolSize, cfg.AcquireTimeout = 1, 2*time.Second
		db := openStore(t, cfg, zap.NewNop())
		exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)

		t.Run("is first come, first served", func(t *testing.T) {
			var all sync.WaitGroup
			var order []string
			hold(t, db, func() {
				for n := range 10 {
					started := make(chan struct{})
					all.Go(func() {
						close(started)
						_ = db.Do(t.Context(), func(ctx context.Context) error {
							order = append(order, fmt.Sprint(n)) // no race: there is one connection
							return add(ctx, db, fmt.Sprint(n))
						})
					})
					<-started
					time.Sleep(100 * time.Millisecond) // until it waits, even on a busy machine
				}
			})
			all.Wait()
			require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, order)
			require.Equal(t, order, things(t.Context(), t, db))
		})
		t.Run("ends at its limit for every kind of work, and holds no connection", func(t *testing.T) {
			hold(t, db, func() {
				start := time.Now()
				var all sync.WaitGroup
				failed := make([]error, 3)
				all.Go(func() { failed[0] = add(t.Context(), db, "late") })
				all.Go(func() { failed[1] = db.Do(t.Context(), func(context.Context) error { return nil }) })
				all.Go(func() {
					failed[2] = db.Write(t.Context()).Raw(`SELECT id FROM things`).Scan(&[]string{}).Error
				})
				all.Wait()
				for _, err := range failed {
					requireUnavailable(t, err)
				}
				require.InDelta(t, cfg.AcquireTimeout.Seconds(), time.Since(start).Seconds(), 1)
			})
			require.NoError(t, add(t.Context(), db, "after"))
			require.NotContains(t, things(t.Context(), t, db), "late")
		})
	})
}

// hold acquires the only connection while others runs.
func hold(t *testing.T, db *database.DB, others func()) {
	t.Helper()
	require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
		require.NoError(t, db.Write(ctx).Exec(`SELECT 1`).Error)
		others()
		return nil
	}))
}
