package database_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// Statements that are kept answer as new ones do: while others of the same text are read, after the table has changed, and when there are too many.
func TestKeptStatements(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
	for i := range 3 {
		exec(t, db, `INSERT INTO things (id, n) VALUES (?, ?)`, fmt.Sprint(i), i)
	}
	const some = `SELECT id FROM things WHERE n >= ? ORDER BY id`
	ids := func(t *testing.T, least int) (all []string) {
		t.Helper()
		require.NoError(t, db.Read(t.Context()).Raw(some, least).Scan(&all).Error)
		return all
	}

	t.Run("asked again with other values", func(t *testing.T) {
		require.Equal(t, []string{"0", "1", "2"}, ids(t, 0))
		require.Equal(t, []string{"2"}, ids(t, 2))
		require.Empty(t, ids(t, 3))
		require.Equal(t, []string{"1", "2"}, ids(t, 1))
	})
	t.Run("asked while its rows are read", func(t *testing.T) {
		pool, err := db.Read(t.Context()).DB()
		require.NoError(t, err)
		conn, err := pool.Conn(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close()) }()
		outer, err := conn.QueryContext(t.Context(), some, 0)
		require.NoError(t, err)
		defer func() { require.NoError(t, outer.Close()) }()
		var seen []string
		for outer.Next() {
			var id, first string
			require.NoError(t, outer.Scan(&id))
			require.NoError(t, conn.QueryRowContext(t.Context(), some, 1).Scan(&first))
			seen = append(seen, id+first)
			for i := range 300 { // more than are kept
				require.NoError(t, conn.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %d`, i)).Scan(&first))
			}
		}
		require.NoError(t, outer.Err())
		require.Equal(t, []string{"01", "11", "21"}, seen)
	})
	t.Run("asked after it has failed", func(t *testing.T) {
		for range 3 {
			require.True(t, database.Violates(db.Write(t.Context()).Exec(`INSERT INTO things (id, n) VALUES (?, ?)`, "0", 0).Error, "things_pkey"))
		}
		exec(t, db, `INSERT INTO things (id, n) VALUES (?, ?)`, "3", 3)
		require.Equal(t, []string{"3"}, ids(t, 3))
	})
	t.Run("asked after the table has changed", func(t *testing.T) {
		const all = `SELECT * FROM things WHERE id = ?`
		row := func() map[string]any {
			found := map[string]any{}
			require.NoError(t, db.Read(t.Context()).Raw(all, "3").Scan(&found).Error)
			return found
		}
		require.Len(t, row(), 2)
		exec(t, db, `ALTER TABLE things ADD COLUMN more text`)
		require.Len(t, row(), 3)
		exec(t, db, `ALTER TABLE things DROP COLUMN more`)
		require.Len(t, row(), 2)
	})
	t.Run("more than are kept, by many at once", func(t *testing.T) {
		var all sync.WaitGroup
		failed := make([]error, 8)
		for who := range failed {
			all.Go(func() {
				for i := range 400 {
					var n int
					err := db.Read(t.Context()).Raw(fmt.Sprintf(`SELECT n + %d FROM things WHERE id = ?`, (i+who)%300), "3").Scan(&n).Error
					if err == nil && n != 3+(i+who)%300 {
						err = fmt.Errorf("%d for %d", n, i)
					}
					if err != nil {
						failed[who] = err
						return
					}
				}
			})
		}
		all.Wait()
		for _, err := range failed {
			require.NoError(t, err)
		}
	})
}
