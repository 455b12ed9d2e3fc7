package database_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

var errBroken = errors.New("broken")

func TestDo(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()

		t.Run("commits everything when steps return nil", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
				return errors.Join(add(ctx, db, "a"), add(ctx, db, "b"))
			}))
			require.Equal(t, []string{"a", "b"}, things(ctx, t, db))
		})
		t.Run("rolls back when steps return an error, and returns it unchanged", func(t *testing.T) {
			require.Same(t, errBroken, db.Do(ctx, func(ctx context.Context) error {
				require.NoError(t, add(ctx, db, "c"))
				return errBroken
			}))
			require.Equal(t, []string{"a", "b"}, things(ctx, t, db))
		})
		t.Run("rolls back and releases the connection when steps panic", func(t *testing.T) {
			for range 10 { // more than there are connections
				require.PanicsWithValue(t, "at the disco", func() {
					_ = db.Do(ctx, func(ctx context.Context) error {
						require.NoError(t, add(ctx, db, "c"))
						panic("at the disco")
					})
				})
			}
			require.Equal(t, []string{"a", "b"}, things(ctx, t, db))
		})
		t.Run("shows its writes to other transactions only after the commit", func(t *testing.T) {
			outside := ctx
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
				require.NoError(t, add(ctx, db, "c"))
				require.Equal(t, []string{"a", "b", "c"}, things(ctx, t, db))
				require.Equal(t, []string{"a", "b"}, things(outside, t, db))
				return nil
			}))
			require.Equal(t, []string{"a", "b", "c"}, things(ctx, t, db))
		})
		t.Run("returns the error of a failed statement", func(t *testing.T) {
			err := db.Do(ctx, func(ctx context.Context) error {
				require.NoError(t, add(ctx, db, "d"))
				return add(ctx, db, "a")
			})
			require.True(t, database.Violates(err, "things_pkey"), "%v", err)
			require.Equal(t, []string{"a", "b", "c"}, things(ctx, t, db))
		})
	})
}

func TestNestedDo(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		nested := func(id string) func(context.Context) error {
			return func(ctx context.Context) error {
				return db.Do(ctx, func(ctx context.Context) error { return add(ctx, db, id) })
			}
		}
		t.Run("joins the open transaction and is rolled back with it", func(t *testing.T) {
			require.Same(t, errBroken, db.Do(ctx, func(ctx context.Context) error {
				require.NoError(t, nested("inner")(ctx))
				require.Equal(t, []string{"inner"}, things(ctx, t, db))
				return errBroken
			}))
			require.Empty(t, things(ctx, t, db))
		})
		t.Run("commits with the outer transaction", func(t *testing.T) {
			outside := ctx
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
				require.NoError(t, nested("inner")(ctx))
				require.Empty(t, things(outside, t, db))
				return add(ctx, db, "outer")
			}))
			require.Equal(t, []string{"inner", "outer"}, things(ctx, t, db))
		})
		t.Run("rolls back the outer transaction if that returns its error", func(t *testing.T) {
			require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
				require.NoError(t, add(ctx, db, "third"))
				return db.Do(ctx, func(context.Context) error { return errBroken })
			}), errBroken)
			require.Equal(t, []string{"inner", "outer"}, things(ctx, t, db))
		})
	})
}

func TestTransactionsBelongToTheirStore(t *testing.T) {
	t.Parallel()
	one, other := databasetest.SQLite(t), databasetest.SQLite(t)
	for _, db := range []*database.DB{one, other} {
		exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
	}
	require.Same(t, errBroken, one.Do(t.Context(), func(ctx context.Context) error {
		require.NoError(t, add(ctx, other, "kept"))
		require.NoError(t, add(ctx, one, "undone"))
		return errBroken
	}))
	require.Empty(t, things(t.Context(), t, one))
	require.Equal(t, []string{"kept"}, things(t.Context(), t, other))
}

func TestContextOfATransaction(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		t.Run("that has ended prevents the transaction", func(t *testing.T) {
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			requireUnavailable(t, db.Do(ended, func(context.Context) error {
				t.Error("the steps ran")
				return nil
			}))
		})
		t.Run("that ends during the steps prevents the commit", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			requireUnavailable(t, db.Do(ctx, func(ctx context.Context) error {
				defer cancel()
				return add(ctx, db, "too late")
			}))
			require.Empty(t, things(t.Context(), t, db))
		})
		t.Run("whose deadline passes interrupts a statement", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			start := time.Now()
			requireUnavailable(t, db.Do(ctx, func(ctx context.Context) error {
				return db.Write(ctx).Exec(`WITH RECURSIVE forever (n) AS (
					SELECT 1 UNION ALL SELECT n + 1 FROM forever WHERE n < 2000000000)
					INSERT INTO things SELECT 'never', max(n) FROM forever`).Error
			}))
			require.Less(t, time.Since(start), 5*time.Second)
			require.NoError(t, add(t.Context(), db, "the store still works"))
		})
	})
}
