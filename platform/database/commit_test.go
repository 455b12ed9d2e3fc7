package database_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/errs"
)

func TestFailedCommit(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		exec(t, db, `CREATE TABLE parts (
			id text PRIMARY KEY, of text REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED)`)
		runs := 0
		err := db.Do(ctx, func(ctx context.Context) error {
			runs++
			require.NoError(t, add(ctx, db, "a"))
			return db.Write(ctx).Exec(`INSERT INTO parts (id, of) VALUES ('p', 'missing')`).Error // fails at commit
		})
		t.Run("is an error", func(t *testing.T) { require.Equal(t, errs.Conflict, errs.KindOf(err), "%v", err) })
		t.Run("is not repeated", func(t *testing.T) { require.Equal(t, 1, runs) })
		t.Run("stores nothing", func(t *testing.T) { require.Empty(t, things(ctx, t, db)) })
		t.Run("leaves a connection that works", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error { return add(ctx, db, "b") }))
			require.Equal(t, []string{"b"}, things(ctx, t, db))
		})
	})
}

func TestAfterCommitOfManyWriters(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		outside := t.Context()
		var all sync.WaitGroup
		failed, committed := make([]error, 16), make([]int, 16)
		for i := range failed {
			all.Go(func() {
				id := fmt.Sprint(i)
				failed[i] = db.Do(outside, func(ctx context.Context) error {
					db.AfterCommit(ctx, func() {
						db.Read(outside).Raw(`SELECT count(*) FROM things WHERE id = ?`, id).Scan(&committed[i])
					})
					return add(ctx, db, id)
				})
			})
		}
		all.Wait()
		require.NoError(t, errors.Join(failed...))
		require.Equal(t, slices.Repeat([]int{1}, 16), committed)
		require.Len(t, things(outside, t, db), 16)
	})
}

func TestCommitOnADeadConnection(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		if db.Engine() != database.Postgres {
			t.Skip("SQLite has no network connection")
		}
		outside, runs := t.Context(), 0
		err := db.Do(outside, func(ctx context.Context) error {
			runs++
			require.NoError(t, add(ctx, db, "a"))
			var pid int
			require.NoError(t, db.Read(ctx).Raw(`SELECT pg_backend_pid()`).Scan(&pid).Error)
			return db.Write(outside).Exec(`SELECT pg_terminate_backend(?)`, pid).Error
		})
		requireUnavailable(t, err)
		require.Equal(t, 1, runs, "the result of the commit is unknown, so it must not be repeated")
		require.Empty(t, things(outside, t, db))
		require.NoError(t, db.Ping(outside), "the pool replaces the connection")
	})
}
