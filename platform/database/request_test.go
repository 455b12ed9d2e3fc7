package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/errs"
)

func TestContextFromOutsideTheTransaction(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		outer := database.WithRequest(t.Context())
		for name, use := range map[string]func() error{
			"a write":       func() error { return add(outer, db, "x") },
			"a read":        func() error { return db.Read(outer).Raw("SELECT 1").Scan(new(int)).Error },
			"a transaction": func() error { return db.Do(outer, func(context.Context) error { return nil }) },
			"a function to call after it": func() error {
				return db.AfterTransaction(outer, func(context.Context) error { return nil })
			},
			"a derived context": func() error {
				ctx, cancel := context.WithTimeout(outer, time.Minute)
				defer cancel()
				return add(ctx, db, "x")
			},
		} {
			t.Run("fails at once and names the line, for "+name, func(t *testing.T) {
				start := time.Now()
				err := db.Do(outer, func(ctx context.Context) error {
					require.NoError(t, add(ctx, db, "y"))
					return use()
				})
				require.ErrorContains(t, err, "use the one that Do passes to its steps")
				require.ErrorContains(t, err, "database_test.")
				require.Equal(t, errs.Internal, errs.KindOf(err))
				require.Less(t, time.Since(start), time.Second)
				require.Empty(t, things(outer, t, db), "the transaction should be rolled back")
			})
		}
		t.Run("does not affect nested transactions, functions called after it and other requests", func(t *testing.T) {
			require.NoError(t, db.Do(outer, func(ctx context.Context) error {
				require.NoError(t, db.AfterTransaction(ctx, func(ctx context.Context) error {
					return add(ctx, db, "after")
				}))
				require.Empty(t, things(database.WithRequest(t.Context()), t, db))
				return db.Do(ctx, func(ctx context.Context) error { return add(ctx, db, "inside") })
			}))
			require.Equal(t, []string{"after", "inside"}, things(outer, t, db))
		})
	})
}
