package database_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// A store without space cannot append to the audit trail. It is not ready until a transaction succeeds.
func TestFullStoreIsNotReady(t *testing.T) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		change := func() error {
			return db.Do(ctx, func(ctx context.Context) error { return add(ctx, db, strings.Repeat("a", 100_000)) })
		}
		fill, empty := `PRAGMA max_page_count = 1`, `PRAGMA max_page_count = 1000000`
		if db.Engine() == database.Postgres {
			exec(t, db, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
				'BEGIN RAISE EXCEPTION USING ERRCODE = ''disk_full''; END'`)
			fill = `CREATE TRIGGER refuse BEFORE INSERT ON things EXECUTE FUNCTION refuse()`
			empty = `DROP TRIGGER refuse ON things`
		}
		require.NoError(t, db.Ready(ctx))

		exec(t, db, fill)
		err := change()
		requireUnavailable(t, err)
		require.ErrorContains(t, err, "full")
		requireUnavailable(t, db.Ready(ctx))

		exec(t, db, empty)
		requireUnavailable(t, db.Ready(ctx))
		require.NoError(t, db.Do(ctx, func(ctx context.Context) error { return add(ctx, db, "b") }))
		require.NoError(t, db.Ready(ctx))
	})
}
