package database_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// lockNames returns names whose characters have a meaning in arrays of PostgreSQL.
func lockNames() []string { return []string{"doctor 1", `"quoted"`, `back\slash`, "{a,b}", "NULL", ""} }

// TestLock verifies that transactions with overlapping sets of locks exclude each other and do not deadlock.
func TestLock(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const workers, rounds = 12, 25
		names, failed := lockNames(), make(chan error, workers)
		var runs, overlaps atomic.Int32
		holders := make([]atomic.Int32, len(names))
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for range rounds {
					chosen := rand.Perm(len(names))[:3]
					var set []string
					for _, i := range append(chosen, chosen[0]) { // one of them twice
						set = append(set, names[i])
					}
					err := db.Do(t.Context(), func(ctx context.Context) error {
						runs.Add(1)
						if err := db.Lock(ctx, set...); err != nil {
							return err
						}
						for _, i := range chosen {
							if holders[i].Add(1) > 1 {
								overlaps.Add(1)
							}
							defer holders[i].Add(-1)
						}
						time.Sleep(time.Millisecond)
						return nil
					})
					if err != nil {
						failed <- err
						return
					}
				}
			})
		}
		all.Wait()
		close(failed)
		for err := range failed {
			require.NoError(t, err)
		}
		require.EqualValues(t, workers*rounds, runs.Load(), "a deadlock repeats a transaction")
		require.Zero(t, overlaps.Load(), "a lock has one holder at a time")
		require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error { return db.Lock(ctx) }))
	})
}

// holdLock acquires a lock in another transaction until release is called, at the latest at the end of the test.
func holdLock(t *testing.T, db *database.DB, name string) (release func()) {
	t.Helper()
	held, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- db.Do(context.Background(), func(ctx context.Context) error {
			err := db.Lock(ctx, name)
			close(held)
			<-end
			return err
		})
	}()
	<-held
	release = sync.OnceFunc(func() {
		close(end)
		require.NoError(t, <-ended)
	})
	t.Cleanup(release)
	return release
}

// heldByWaiting returns the keys that a waiting transaction holds, ascending. It waits until a transaction waits.
func heldByWaiting(t *testing.T, db *database.DB) (keys []int64) {
	t.Helper()
	const advisory = `FROM pg_locks WHERE locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	require.Eventually(t, func() bool {
		var waiting bool
		err := db.Read(t.Context()).Raw(`SELECT EXISTS (SELECT ` + advisory + ` AND NOT granted)`).Scan(&waiting).Error
		return err == nil && waiting
	}, 20*time.Second, time.Millisecond)
	require.NoError(t, db.Read(t.Context()).Raw(`SELECT classid::bigint << 32 | objid::bigint AS key `+advisory+`
		AND granted AND pid IN (SELECT pid `+advisory+` AND NOT granted) ORDER BY key`).Scan(&keys).Error)
	return keys
}

func eachPostgres(t *testing.T, test func(t *testing.T, cfg database.Config)) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite's writing transactions run one after the other")
		}
		test(t, cfg)
	})
}

func TestLockAcquiresKeysInAscendingOrder(t *testing.T) {
	eachPostgres(t, func(t *testing.T, cfg database.Config) {
		db := openStore(t, cfg, zap.NewNop())
		key := func(name string) (key int64) {
			require.NoError(t, db.Read(t.Context()).Raw(`SELECT hashtextextended(?, 0)`, name).Scan(&key).Error)
			return key
		}
		var keys []int64
		byKey := map[int64]string{}
		for _, name := range lockNames() {
			keys = append(keys, key(name))
			byKey[key(name)] = name
		}
		slices.Sort(keys)
		require.Len(t, byKey, len(keys))
		require.Negative(t, keys[0])
		require.Positive(t, keys[len(keys)-1])
		for i, contended := range keys {
			release := holdLock(t, db, byKey[contended])
			done := make(chan error, 1)
			go func() {
				done <- db.Do(t.Context(), func(ctx context.Context) error { return db.Lock(ctx, lockNames()...) })
			}()
			require.Equal(t, keys[:i], append([]int64{}, heldByWaiting(t, db)...), "before key %d of %v", i, keys)
			release()
			require.NoError(t, <-done)
		}
	})
}

func TestLockWaits(t *testing.T) {
	eachPostgres(t, func(t *testing.T, cfg database.Config) {
		db := openStore(t, cfg, zap.NewNop())
		cfg.LockTimeout = 50 * time.Millisecond
		impatient := openStore(t, cfg, zap.NewNop())
		release := holdLock(t, db, "busy")
		t.Run("until the deadline of the context", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			start := time.Now()
			requireUnavailable(t, db.Do(ctx, func(ctx context.Context) error { return db.Lock(ctx, "free", "busy") }))
			require.Less(t, time.Since(start), 5*time.Second)
		})
		t.Run("until the lock timeout, after which the transaction is repeated", func(t *testing.T) {
			runs := 0
			requireUnavailable(t, impatient.Do(t.Context(), func(ctx context.Context) error {
				runs++
				return impatient.Lock(ctx, "free", "busy")
			}))
			require.Equal(t, 3, runs)
		})
		t.Run("for a lock of TryLock too, until its transaction ends", func(t *testing.T) {
			tryLock := func() (acquired bool) {
				require.NoError(t, db.Do(t.Context(), func(ctx context.Context) (err error) {
					acquired, err = db.TryLock(ctx, "busy")
					return err
				}))
				return acquired
			}
			require.False(t, tryLock())
			release()
			require.True(t, tryLock())
		})
	})
}
