package database_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// eachWithThings runs test once per engine, with an empty table things.
func eachWithThings(t *testing.T, test func(t *testing.T, db *database.DB)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		exec(t, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
		test(t, db)
	})
}

func exec(t testing.TB, db *database.DB, statement string, values ...any) {
	t.Helper()
	require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
}

// add inserts a thing with the connection of ctx.
func add(ctx context.Context, db *database.DB, id string) error {
	return db.Write(ctx).Exec(`INSERT INTO things (id, n) VALUES (?, 0)`, id).Error
}

// things returns the ids of the things that the connection of ctx reads.
func things(ctx context.Context, t testing.TB, db *database.DB) []string {
	t.Helper()
	ids := []string{}
	require.NoError(t, db.Read(ctx).Raw(`SELECT id FROM things ORDER BY id`).Scan(&ids).Error)
	return ids
}

// openStore opens a store and closes it when the test ends.
func openStore(t testing.TB, cfg database.Config, log *zap.Logger) *database.DB {
	t.Helper()
	db, err := database.Open(cfg, log)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// requireUnavailable verifies that clients get err as a 503 with Retry-After.
func requireUnavailable(t testing.TB, err error) {
	t.Helper()
	require.Equal(t, errs.Unavailable, errs.KindOf(err), "%v", err)
	var unavailable *errs.Error
	require.ErrorAs(t, err, &unavailable)
	require.NotZero(t, unavailable.RetryAfter)
}

// errorText returns each error of the tree of err in each format verb, which covers everything that a log could print.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	all := []string{fmt.Sprintf("%v\n%+v\n%#v\n%q", err, err, err, err)}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			all = append(all, errorText(err))
		}
	}
	all = append(all, errorText(errors.Unwrap(err)))
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), "\n")
}
