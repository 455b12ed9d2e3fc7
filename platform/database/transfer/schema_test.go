package transfer_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/database/transfer"
)

// strange are migrations that no module has: an identity, a table that references itself, names that need quotes.
func strange(lite, pg string) database.Migrations {
	return database.Migrations{Modules: []string{"odd"}, Files: fstest.MapFS{
		"odd/sqlite/0001_odd.sql": {Data: []byte("-- +goose Up\n" + lite)}, "odd/postgres/0001_odd.sql": {Data: []byte("-- +goose Up\n" + pg)},
	}}
}

// furnished is an empty copyEnv of other migrations, with something in it.
func furnished(t *testing.T, m database.Migrations, statements ...string) copyEnv {
	h := newCopyEnv(t)
	h.move.Migrations, h.move.From = m, t.TempDir()+"/odd.db"
	h.from = open(t, database.Config{Path: h.move.From, PoolSize: 1, ConnectTimeout: h.move.To.ConnectTimeout})
	_, err := h.from.Migrate(t.Context(), m)
	require.NoError(t, err)
	for _, statement := range statements {
		run(t, h.from, statement)
	}
	return h
}

func TestCopyOfOtherSchemas(t *testing.T) {
	t.Run("an identity goes on after the last row, and a row may reference a later one", func(t *testing.T) {
		h := furnished(t, strange(
			`CREATE TABLE "an odd ""name""" (id INTEGER PRIMARY KEY, "order" INTEGER REFERENCES "an odd ""name""" (id)) STRICT;`,
			`CREATE TABLE "an odd ""name""" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "order" bigint REFERENCES "an odd ""name""" (id));`),
			`INSERT INTO "an odd ""name""" VALUES (40, 41), (41, NULL)`)
		done := h.copied()
		require.Len(t, done.Tables, 1)
		var next int64
		require.NoError(t, h.to.Write(t.Context()).Raw(`INSERT INTO "an odd ""name""" DEFAULT VALUES RETURNING id`).Scan(&next).Error)
		require.EqualValues(t, 42, next)
	})
	for why, types := range map[string][2]string{
		"odd.a is of type money, which cannot be copied":     {"a INTEGER", "a money"},
		"PostgreSQL's odd has no column a":                   {"a INTEGER", "b integer"},
		"SQLite's odd lacks a column that PostgreSQL's has":  {"a INTEGER", "a integer, b integer"},
		"odd.a: row 1 holds what PostgreSQL's column cannot": {"a INTEGER", "a boolean"},
	} {
		t.Run(why, func(t *testing.T) {
			h := furnished(t, strange("CREATE TABLE odd ("+types[0]+") STRICT;", "CREATE TABLE odd ("+types[1]+");"), "INSERT INTO odd VALUES (2)")
			_, err := transfer.Copy(t.Context(), h.move)
			require.ErrorContains(t, err, why)
		})
	}
}
