package process

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		// as if the module were new in this release
		harness.Exec(t, db, `DROP TABLE assignments`, `DROP TABLE goose_assignments`)
		const pending = "pending  assignments/0001_assignments.sql\npending  assignments/0002_access.sql\n"
		applied := strings.ReplaceAll(pending, "pending", "applied")
		withoutMigration := p.With("DATABASE_MIGRATE_ON_START=false")

		t.Run("status lists all migrations in the order of the modules", func(t *testing.T) {
			output := p.Run("migrate", "status").ExpectSuccess()
			require.Regexp(
				t, `^(?:applied  (?:platform|identity|doctors|patients)/\d{4}_\w+\.sql\n){3,}`+
					`(?:pending  assignments/\d{4}_\w+\.sql\n)+`+
					`(?:applied  (?:appointments|notifications|audit)/\d{4}_\w+\.sql\n)+$`, output)
			require.Contains(t, output, pending)
		})
		t.Run("serve fails while one is pending, and names the command to run", func(t *testing.T) {
			withoutMigration.Run().ExpectFailure(harness.ExitConfig,
				"assignments/0001_assignments.sql is pending: run `healthcare migrate up` first")
			p.Run("user", "list").ExpectFailure(harness.ExitConfig,
				"assignments/0001_assignments.sql is pending: run `healthcare migrate up` first")
			require.Contains(t, p.Run("migrate", "status").ExpectSuccess(), pending, "no command applied it")
			require.NotContains(t, versionTables(t, db), "goose_assignments", "nor created its table")
		})
		t.Run("up applies the pending migrations and lists them", func(t *testing.T) {
			require.Equal(t, applied, p.Run("migrate", "up").ExpectSuccess())
			require.NotContains(t, p.Run("migrate", "status").ExpectSuccess(), "pending")
		})
		t.Run("up does nothing the second time", func(t *testing.T) {
			require.Equal(t, "nothing to do: the schema is up to date\n", p.Run("migrate", "up").ExpectSuccess())
		})
		t.Run("serve starts afterwards", func(t *testing.T) {
			r := withoutMigration.Start()
			harness.NewHTTPClient(t, r.WaitReady()).SignUp()
			require.Equal(t, 0, r.Terminate().ExitCode)
		})
	})
}

func TestMigrateNewDatabase(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t)
	output := p.Run("migrate", "up").ExpectSuccess()
	require.Regexp(t, `^(?:applied  \w+/\d{4}_\w+\.sql\n)+$`, output)
	require.Equal(t, output, p.Run("migrate", "status").ExpectSuccess())
	require.FileExists(t, filepath.Join(p.Folder, "data", "secret_key"), "all commands work on the new store")
	require.Equal(t, "created: asha@clinic.example, admin, active\n",
		p.RunWithInput("correct horse\n", "user", "create", "--name", "Asha Rao", "--email", "asha@clinic.example",
			"--role", "admin").ExpectSuccess())
}
