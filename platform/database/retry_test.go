package database_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/errs"
)

// provoke causes a transient error of the engine, on PostgreSQL with the given SQLSTATE.
func provoke(ctx context.Context, db *database.DB, sqlstate string) error {
	if db.Engine() == database.Postgres {
		raise := fmt.Sprintf(`DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '%s'; END $$`, sqlstate)
		return db.Write(ctx).Exec(raise).Error
	}
	open, err := db.Write(ctx).Raw(`SELECT id FROM things`).Rows()
	if err != nil {
		return err
	}
	defer open.Close()
	open.Next()
	if err := open.Err(); err != nil {
		return err
	}
	return db.Write(ctx).Exec(`DROP TABLE things`).Error // SQLITE_LOCKED, because a statement still reads the table
}

func TestRetry(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		require.NoError(t, add(ctx, db, "0"))
		for _, sqlstate := range []string{"40001", "40P01", "55P03"} { // serialisation failure, deadlock, lock timeout
			t.Run("runs the steps a third time after "+sqlstate, func(t *testing.T) {
				runs := 0
				require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
					runs++
					require.NoError(t, add(ctx, db, sqlstate), "the previous attempt should be rolled back")
					if runs < 3 {
						return provoke(ctx, db, sqlstate)
					}
					return nil
				}))
				require.Equal(t, 3, runs)
				require.Contains(t, things(ctx, t, db), sqlstate)
			})
		}
		t.Run("ends as unavailable after the third attempt", func(t *testing.T) {
			runs := 0
			requireUnavailable(t, db.Do(ctx, func(ctx context.Context) error {
				runs++
				require.NoError(t, add(ctx, db, "never"))
				return provoke(ctx, db, "40001")
			}))
			require.Equal(t, 3, runs)
			require.NotContains(t, things(ctx, t, db), "never")
		})
		t.Run("ends with the context", func(t *testing.T) {
			runs := 0
			ctx, cancel := context.WithCancel(ctx)
			requireUnavailable(t, db.Do(ctx, func(ctx context.Context) error {
				runs++
				defer cancel()
				return provoke(ctx, db, "40001")
			}))
			require.Equal(t, 1, runs)
		})
		for name, failed := range map[string]error{
			"another error of the steps":            errBroken,
			"an unavailable error of another store": errs.New(errs.Unavailable, "busy", "Later."),
		} {
			t.Run("does not follow "+name, func(t *testing.T) {
				runs := 0
				require.Same(t, failed, db.Do(ctx, func(context.Context) error {
					runs++
					return failed
				}))
				require.Equal(t, 1, runs)
			})
		}
		t.Run("does not follow a violated constraint", func(t *testing.T) {
			runs := 0
			require.Error(t, db.Do(ctx, func(ctx context.Context) error {
				runs++
				return add(ctx, db, "0")
			}))
			require.Equal(t, 1, runs)
		})
	})
}

// TestDeadlock verifies that two transactions that lock two rows in opposite order both commit, one at its second
// attempt.
func TestDeadlock(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		for _, id := range []string{"a", "b"} {
			require.NoError(t, add(t.Context(), db, id))
		}
		var met sync.WaitGroup
		met.Add(2)
		var runs atomic.Int32
		both := func(first, second string) error {
			meet := sync.OnceFunc(func() {
				met.Done()
				met.Wait()
			})
			return db.Do(t.Context(), func(ctx context.Context) error {
				runs.Add(1)
				for _, id := range []string{first, second} {
					if err := db.Write(ctx).Exec(`UPDATE things SET n = n + 1 WHERE id = ?`, id).Error; err != nil {
						return err
					}
					if db.Engine() == database.Postgres { // SQLite's writing transactions are serial
						meet()
					}
				}
				return nil
			})
		}
		var all sync.WaitGroup
		failed := make([]error, 2)
		all.Go(func() { failed[0] = both("a", "b") })
		all.Go(func() { failed[1] = both("b", "a") })
		all.Wait()
		require.Equal(t, []error{nil, nil}, failed)

		var n []int
		require.NoError(t, db.Read(t.Context()).Raw(`SELECT n FROM things`).Scan(&n).Error)
		require.Equal(t, []int{2, 2}, n)
		if db.Engine() == database.Postgres {
			require.EqualValues(t, 3, runs.Load(), "the test should have caused a deadlock")
		}
	})
}
