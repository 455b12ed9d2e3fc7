package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// overAStore are the commands that work on a store which is there.
var overAStore = []string{
	"user list", "user promote --yes asha@clinic.example", "user disable --yes asha@clinic.example", "user create --name A --email a@b.example",
	"audit verify", "audit export", "audit prune --before 2020-01-01", "migrate status",
}

// content returns every file under the place's folder.
func (p place) content() (all []string) {
	p.t.Helper()
	require.NoError(p.t, filepath.WalkDir(p.folder, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	}))
	return all
}

// versionTables returns the names of the tables that count migrations.
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

func TestACommandInTheWrongFolder(t *testing.T) {
	t.Parallel()
	commands := append([]string{"keys list", "keys rotate", "backup", "doctor"}, overAStore...)
	for _, command := range commands {
		t.Run("healthcare "+command+" says where it looked, and makes nothing", func(t *testing.T) {
			t.Parallel()
			p := bare(t)
			o := p.typed("correct horse\n", strings.Fields(command)...)
			require.Equal(t, exitFailure, o.code)
			require.Contains(t, o.stdout+o.stderr, " at "+filepath.Join(p.folder, "data"))
			require.Contains(t, o.stdout+o.stderr, "set DATA_DIR")
			require.Len(t, p.content(), 1, "the folder itself")
		})
	}
	t.Run("healthcare copy says where it looked, and makes nothing", func(t *testing.T) {
		t.Parallel()
		_, pg := databasetest.Both(t)
		p := bare(t).with("DATABASE_URL=" + pg.URL)
		p.run("copy").failed(exitFailure, "no database at "+filepath.Join(p.folder, "data", "healthcare.db"))
		require.Len(t, p.content(), 1)
	})
}

func TestACommandOverAnEmptyStore(t *testing.T) {
	t.Parallel()
	t.Run("of SQLite says so, and migrates nothing", func(t *testing.T) {
		t.Parallel()
		for _, command := range append([]string{"backup"}, overAStore...) {
			p := patient(t).with("SECRET_KEY=" + testSecret)
			require.NoError(t, os.Mkdir(filepath.Join(p.folder, "data"), 0o700))
			path := filepath.Join(p.folder, "data", "healthcare.db")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			p.typed("correct horse\n", strings.Fields(command)...).failed(exitFailure, "no database at "+path, "set DATA_DIR")
			require.Empty(t, versionTables(t, database.Config{Path: path, PoolSize: 1, ConnectTimeout: patience}))
		}
	})
	t.Run("of PostgreSQL says so, and migrates nothing", func(t *testing.T) {
		t.Parallel()
		_, pg := databasetest.Both(t)
		statements(t, pg, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
		for _, command := range overAStore {
			p := patient(t).with("SECRET_KEY="+testSecret, "DATABASE_URL="+pg.URL)
			p.typed("correct horse\n", strings.Fields(command)...).failed(exitFailure, "has no tables of this service", "set DATABASE_URL")
			require.Len(t, p.content(), 1)
		}
		require.Empty(t, versionTables(t, pg))
	})
}

func TestACommandWithoutTheKeys(t *testing.T) {
	t.Parallel()
	p := patient(t)
	p.run("migrate", "up").succeeded()
	key := filepath.Join(p.folder, "data", "secret_key")
	require.NoError(t, os.Remove(key))
	p.run("user", "list").failed(exitFailure, "no secret_key at "+key, "set DATA_DIR")
	require.NoFileExists(t, key)
}

func TestAnExportIsVerifiedWithoutAStore(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, _ database.Config) {
		p.typed("correct horse\n", "user", "create", "--name", "Asha Rao", "--email", "asha@clinic.example").succeeded()
		o := p.run("audit", "export")
		require.Equal(t, 0, o.code)
		elsewhere := bare(t).with("AUDIT_KEY=" + testAuditKey)
		file := elsewhere.file(o.stdout)
		require.Regexp(t, `^sound: \d+ entries\n$`, elsewhere.run("audit", "verify", "--export", file).succeeded())
		require.Len(t, elsewhere.content(), 2)
		bare(t).run("audit", "verify", "--export", file).failed(exitFailure, "no audit_key at ")
	})
}
