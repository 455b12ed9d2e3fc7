package database_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/platform/database"
)

type numbered struct {
	ID string
	N  int
}

func (numbered) TableName() string { return "things" }

// usages are the ways in which a statement is sent to the store.
var usages = map[string]func(ctx context.Context, db *database.DB) error{
	"a query for rows": func(ctx context.Context, db *database.DB) error {
		var all []numbered
		return db.Read(ctx).Where("n >= ?", 0).Order("id").Find(&all).Error
	},
	"a query for numbers": func(ctx context.Context, db *database.DB) error {
		var all []int
		return db.Read(ctx).Raw(`SELECT n FROM things WHERE n >= ?`, 0).Scan(&all).Error
	},
	"a change with RETURNING": func(ctx context.Context, db *database.DB) error {
		var n int
		return db.Write(ctx).Raw(`UPDATE things SET n = n + 1 WHERE id = ? RETURNING n`, "a").Scan(&n).Error
	},
	"a change": func(ctx context.Context, db *database.DB) error {
		return db.Write(ctx).Exec(`UPDATE things SET n = n + 1 WHERE id = ?`, "b").Error
	},
	"a transaction of several statements": func(ctx context.Context, db *database.DB) error {
		return db.Do(ctx, func(ctx context.Context) error {
			var first numbered
			if err := db.Read(ctx).Where("id = ?", "a").Take(&first).Error; err != nil {
				return err
			}
			var all []numbered
			if err := db.Read(ctx).Where("n > ?", -1).Find(&all).Error; err != nil {
				return err
			}
			var n []int
			return db.Read(ctx).Raw(`SELECT n FROM things WHERE n > ?`, -2).Scan(&n).Error
		})
	},
}

// TestMigrationsInvalidateStatements verifies that statements that every connection has prepared work after a change of
// their table.
func TestMigrationsInvalidateStatements(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		for _, id := range []string{"a", "b"} {
			require.NoError(t, add(ctx, db, id))
		}
		useAllConnections := func(t *testing.T) {
			t.Helper()
			for name, use := range usages {
				var all sync.WaitGroup
				failed := make([]error, 24)
				for i := range failed {
					all.Go(func() { failed[i] = use(ctx, db) })
				}
				all.Wait()
				require.Equal(t, make([]error, len(failed)), failed, name)
			}
		}
		useAllConnections(t)
		changes := []string{
			`ALTER TABLE things ADD COLUMN added text`,
			`ALTER TABLE things ADD COLUMN filled integer NOT NULL DEFAULT 7`,
			`CREATE INDEX things_n_idx ON things (n)`,
		}
		if db.Engine() == database.Postgres {
			changes = append(changes,
				`ALTER TABLE things ALTER COLUMN n TYPE bigint`,
				`ALTER TABLE things ALTER COLUMN id TYPE varchar(40)`)
		}
		for _, change := range changes {
			t.Run("after "+change, func(t *testing.T) {
				exec(t, db, change)
				useAllConnections(t)
			})
		}
	})
}

// TestDeallocatedStatements verifies that a connection prepares statements again that the server or a pooler dropped.
func TestDeallocatedStatements(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		if db.Engine() == database.SQLite {
			t.Skip("SQLite has no server")
		}
		ctx := t.Context()
		require.NoError(t, add(ctx, db, "a"))
		require.NoError(t, add(ctx, db, "b"))
		for name, use := range usages {
			t.Run(name, func(t *testing.T) {
				require.NoError(t, use(ctx, db))
				require.NoError(t, db.Write(ctx).Session(&gorm.Session{}).Exec(`DEALLOCATE ALL`).Error)
				require.NoError(t, use(ctx, db))
			})
		}
	})
}
