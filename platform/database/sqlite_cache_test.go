package database_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// Cached statements return the same rows as new ones: while rows of the same text are read, after the table has
// changed, and if there are more than the cache holds.
func TestCachedStatements(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
	for i := range 3 {
		exec(t, db, `INSERT INTO things (id, n) VALUES (?, ?)`, fmt.Sprint(i), i)
	}
	const query = `SELECT id FROM things WHERE n >= ? ORDER BY id`
	ids := func(t *testing.T, least int) (all []string) {
		t.Helper()
		require.NoError(t, db.Read(t.Context()).Raw(query, least).Scan(&all).Error)
		return all
	}

	t.Run("executed again with other values", func(t *testing.T) {
		require.Equal(t, []string{"0", "1", "2"}, ids(t, 0))
		require.Equal(t, []string{"2"}, ids(t, 2))
		require.Empty(t, ids(t, 3))
		require.Equal(t, []string{"1", "2"}, ids(t, 1))
	})
	t.Run("executed while its rows are read", func(t *testing.T) {
		pool, err := db.Read(t.Context()).DB()
		require.NoError(t, err)
		conn, err := pool.Conn(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close()) }()
		outer, err := conn.QueryContext(t.Context(), query, 0)
		require.NoError(t, err)
		defer func() { require.NoError(t, outer.Close()) }()
		var seen []string
		for outer.Next() {
			var id, first string
			require.NoError(t, outer.Scan(&id))
			require.NoError(t, conn.QueryRowContext(t.Context(), query, 1).Scan(&first))
			seen = append(seen, id+first)
			for i := range 300 { // more than the cache holds
				require.NoError(t, conn.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %d`, i)).Scan(&first))
			}
		}
		require.NoError(t, outer.Err())
		require.Equal(t, []string{"01", "11", "21"}, seen)
	})
	t.Run("executed after it has failed", func(t *testing.T) {
		for range 3 {
			err := db.Write(t.Context()).Exec(`INSERT INTO things (id, n) VALUES (?, ?)`, "0", 0).Error
			require.True(t, database.Violates(err, "things_pkey"))
		}
		exec(t, db, `INSERT INTO things (id, n) VALUES (?, ?)`, "3", 3)
		require.Equal(t, []string{"3"}, ids(t, 3))
	})
	t.Run("executed after the table has changed", func(t *testing.T) {
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
	t.Run("more than the cache holds, concurrently", func(t *testing.T) {
		var all sync.WaitGroup
		failed := make([]error, 8)
		for worker := range failed {
			all.Go(func() {
				for i := range 400 {
					var n int
					text := fmt.Sprintf(`SELECT n + %d FROM things WHERE id = ?`, (i+worker)%300)
					err := db.Read(t.Context()).Raw(text, "3").Scan(&n).Error
					if err == nil && n != 3+(i+worker)%300 {
						err = fmt.Errorf("%d for %d", n, i)
					}
					if err != nil {
						failed[worker] = err
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
