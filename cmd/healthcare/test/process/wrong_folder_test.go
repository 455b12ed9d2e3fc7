package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// storeCommands are the commands that require an existing store.
var storeCommands = []string{
	"user list", "user promote --yes asha@clinic.example", "user disable --yes asha@clinic.example",
	"user create --name A --email a@b.example",
	"audit verify", "audit export", "audit prune --before 2020-01-01", "migrate status",
}

// versionTables returns the names of the tables of applied migrations.
func versionTables(t *testing.T, cfg database.Config) (names []string) {
	t.Helper()
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.NoError(t, db.Connect(t.Context()))
	query := "SELECT name FROM sqlite_schema WHERE name LIKE 'goose%'"
	if db.Engine() == database.Postgres {
		query = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'goose%'"
	}
	require.NoError(t, db.Read(t.Context()).Raw(query).Scan(&names).Error)
	return names
}

func TestCommandInTheWrongFolder(t *testing.T) {
	t.Parallel()
	codes := map[string]int{
		"doctor":    harness.ExitFailure, // it reports a failed check
		"keys list": harness.ExitConfig, "keys rotate": harness.ExitConfig, "backup": harness.ExitConfig,
	}
	for _, command := range storeCommands {
		codes[command] = harness.ExitConfig
	}
	for command, code := range codes {
		t.Run("healthcare "+command+" prints the path, and creates nothing", func(t *testing.T) {
			t.Parallel()
			p := harness.NewEnv(t)
			o := p.RunWithInput("correct horse\n", strings.Fields(command)...)
			require.Equal(t, code, o.ExitCode)
			require.Contains(t, o.Stdout+o.Stderr, " at "+filepath.Join(p.Folder, "data"))
			require.Contains(t, o.Stdout+o.Stderr, "set DATA_DIR")
			require.Len(t, p.ListFolder(), 1, "the folder itself")
		})
	}
	t.Run("healthcare copy prints the path, and creates nothing", func(t *testing.T) {
		t.Parallel()
		_, pg := databasetest.Both(t)
		p := harness.NewEnv(t).With("DATABASE_URL=" + pg.URL)
		p.Run("copy").ExpectFailure(harness.ExitConfig,
			"no database at "+filepath.Join(p.Folder, "data", "healthcare.db"))
		require.Len(t, p.ListFolder(), 1)
	})
}

func TestCommandOnAnEmptyStore(t *testing.T) {
	t.Parallel()
	t.Run("of SQLite is reported, and not migrated", func(t *testing.T) {
		t.Parallel()
		for _, command := range append([]string{"backup"}, storeCommands...) {
			p := harness.NewTolerantEnv(t).With("SECRET_KEY=" + harness.SecretKey)
			require.NoError(t, os.Mkdir(filepath.Join(p.Folder, "data"), 0o700))
			path := filepath.Join(p.Folder, "data", "healthcare.db")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			o := p.RunWithInput("correct horse\n", strings.Fields(command)...).ExpectFailure(harness.ExitConfig,
				"no database at "+path, "set DATA_DIR")
			require.Equal(t, 1, strings.Count(o.Stderr, "healthcare.db"), "the path is printed once: %s", o.Stderr)
			require.Empty(
				t, versionTables(t, database.Config{Path: path, PoolSize: 1, ConnectTimeout: harness.Timeout}))
		}
	})
	t.Run("of PostgreSQL is reported, and not migrated", func(t *testing.T) {
		t.Parallel()
		_, pg := databasetest.Both(t)
		harness.Exec(t, pg, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
		for _, command := range storeCommands {
			p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_URL="+pg.URL)
			o := p.RunWithInput("correct horse\n", strings.Fields(command)...).ExpectFailure(harness.ExitConfig,
				"has no tables of this service", "set DATABASE_URL")
			require.Equal(t, 1, strings.Count(o.Stderr, "PostgreSQL ("), "the server is named once: %s", o.Stderr)
			require.Len(t, p.ListFolder(), 1)
		}
		require.Empty(t, versionTables(t, pg))
	})
}

func TestCommandWithoutKeys(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t)
	p.Run("migrate", "up").ExpectSuccess()
	key := filepath.Join(p.Folder, "data", "secret_key")
	require.NoError(t, os.Remove(key))
	p.Run("user", "list").ExpectFailure(harness.ExitConfig, "no secret_key at "+key, "set DATA_DIR")
	require.NoFileExists(t, key)
}

func TestExportIsVerifiedWithoutAStore(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
		p.RunWithInput("correct horse\n", "user", "create", "--name", "Asha Rao", "--email",
			"asha@clinic.example").ExpectSuccess()
		o := p.Run("audit", "export")
		require.Equal(t, 0, o.ExitCode)
		elsewhere := harness.NewEnv(t).With("AUDIT_KEY=" + harness.AuditKey)
		file := elsewhere.WriteFile(o.Stdout)
		require.Regexp(t, `(?m)^sound: \d+ entries$`,
			elsewhere.Run("audit", "verify", "--export", file).ExpectSuccess())
		require.Len(t, elsewhere.ListFolder(), 2)
		harness.NewEnv(t).Run("audit", "verify", "--export", file).ExpectFailure(harness.ExitConfig,
			"no audit_key at ")
	})
}
