package transfer_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/database/transfer"
)

// oddMigrations returns migrations for schemas that no module has.
func oddMigrations(sqlite, postgres string) database.Migrations {
	return database.Migrations{Modules: []string{"odd"}, Files: fstest.MapFS{
		"odd/sqlite/0001_odd.sql":   {Data: []byte("-- +goose Up\n" + sqlite)},
		"odd/postgres/0001_odd.sql": {Data: []byte("-- +goose Up\n" + postgres)},
	}}
}

// newOddEnv returns a copyEnv whose source has the given migrations and rows.
func newOddEnv(t *testing.T, m database.Migrations, statements ...string) copyEnv {
	e := newCopyEnv(t)
	e.config.Migrations, e.config.From = m, t.TempDir()+"/odd.db"
	e.from = open(t, database.Config{
		Path: e.config.From, PoolSize: 1, ConnectTimeout: e.config.To.ConnectTimeout,
	})
	_, err := e.from.Migrate(t.Context(), m)
	require.NoError(t, err)
	for _, statement := range statements {
		run(t, e.from, statement)
	}
	return e
}

func TestCopyOfOtherSchemas(t *testing.T) {
	t.Run("continues an identity after the last row and accepts references to later rows", func(t *testing.T) {
		e := newOddEnv(t, oddMigrations(
			`CREATE TABLE "an odd ""name""" (
				id INTEGER PRIMARY KEY, "order" INTEGER REFERENCES "an odd ""name""" (id)) STRICT;`,
			`CREATE TABLE "an odd ""name""" (
				id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
				"order" bigint REFERENCES "an odd ""name""" (id));`),
			`INSERT INTO "an odd ""name""" VALUES (40, 41), (41, NULL)`)
		require.Len(t, e.copy().Tables, 1)
		var next int64
		require.NoError(t, e.to.Write(t.Context()).Raw(
			`INSERT INTO "an odd ""name""" DEFAULT VALUES RETURNING id`).Scan(&next).Error)
		require.EqualValues(t, 42, next)
	})
	for reason, columns := range map[string]struct{ sqlite, postgres string }{
		"odd.a is of type money, which cannot be copied":    {"a INTEGER", "a money"},
		"PostgreSQL's odd has no column a":                  {"a INTEGER", "b integer"},
		"SQLite's odd lacks a column that PostgreSQL's has": {"a INTEGER", "a integer, b integer"},
		"odd.a: row 1 has a value that the PostgreSQL":      {"a INTEGER", "a boolean"},
	} {
		t.Run("fails: "+reason, func(t *testing.T) {
			e := newOddEnv(t, oddMigrations(
				"CREATE TABLE odd ("+columns.sqlite+") STRICT;",
				"CREATE TABLE odd ("+columns.postgres+");"), "INSERT INTO odd VALUES (2)")
			_, err := transfer.Copy(t.Context(), e.config)
			require.ErrorContains(t, err, reason)
		})
	}
}
