package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// succeeded asserts how a command succeeds, and returns what it says.
func (o outcome) succeeded() string {
	o.t.Helper()
	require.Equal(o.t, 0, o.code, "%s", o.stderr)
	require.Empty(o.t, o.stderr)
	return o.stdout
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, db database.Config) {
		statements(t, db, `DROP TABLE assignments`, `DROP TABLE goose_assignments`) // as if the module were new in this release
		const pending, applied = "pending  assignments/0001_assignments.sql\n", "applied  assignments/0001_assignments.sql\n"
		byHand := p.with("DATABASE_MIGRATE_ON_START=false")

		t.Run("status lists every migration, in the order of their modules", func(t *testing.T) {
			said := p.run("migrate", "status").succeeded()
			require.Regexp(t, `^(?:applied  (?:platform|identity|doctors|patients)/\d{4}_\w+\.sql\n){3,}pending  assignments/\d{4}_\w+\.sql\n(?:applied  audit/\d{4}_\w+\.sql\n)+$`, said)
			require.Contains(t, said, pending)
		})
		t.Run("serve refuses to start on its own while one is pending, and says what to do", func(t *testing.T) {
			byHand.run().failed(exitFailure, "assignments/0001_assignments.sql is pending: run `healthcare migrate up` first")
			p.run("user", "list").failed(exitFailure, "assignments/0001_assignments.sql is pending: run `healthcare migrate up` first")
			require.Contains(t, p.run("migrate", "status").succeeded(), pending, "nobody applied it")
			require.NotContains(t, versionTables(t, db), "goose_assignments", "nor was its table made")
		})
		t.Run("up applies what is pending, and tells", func(t *testing.T) {
			require.Equal(t, applied, p.run("migrate", "up").succeeded())
			require.NotContains(t, p.run("migrate", "status").succeeded(), "pending")
		})
		t.Run("up has nothing to do the second time", func(t *testing.T) {
			require.Equal(t, "nothing to do: the schema is up to date\n", p.run("migrate", "up").succeeded())
		})
		t.Run("serve starts then, and works", func(t *testing.T) {
			r := byHand.start()
			newCaller(t, r.ready()).signUp()
			require.Equal(t, 0, r.terminate().code)
		})
	})
}

func TestMigrateANewDatabase(t *testing.T) {
	t.Parallel()
	p := patient(t)
	said := p.run("migrate", "up").succeeded()
	require.Regexp(t, `^(?:applied  \w+/\d{4}_\w+\.sql\n)+$`, said)
	require.Equal(t, said, p.run("migrate", "status").succeeded())
	require.FileExists(t, filepath.Join(p.folder, "data", "secret_key"), "so that every command works on it")
	require.Equal(t, "made: asha@clinic.example, admin, active\n",
		p.typed("correct horse\n", "user", "create", "--name", "Asha Rao", "--email", "asha@clinic.example", "--role", "admin").succeeded())
}
