package process

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

func TestFailedStartReportsTheReason(t *testing.T) {
	t.Parallel()
	t.Run("a port that is taken", func(t *testing.T) {
		t.Parallel()
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = taken.Close() }()
		harness.NewTolerantEnv(t).With("HTTP_ADDRESS="+taken.Addr().String()).Run().ExpectFailure(harness.ExitFailure,
			taken.Addr().String(), "address already in use")
	})
	t.Run("a database that nobody serves, after as long as the operator allows", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey,
			"DATABASE_URL=postgres://clinic:hunter2@127.0.0.1:1/clinic?sslmode=disable",
			"DATABASE_CONNECT_TIMEOUT=500ms")
		o := p.Run().ExpectFailure(harness.ExitFailure, "PostgreSQL (clinic at 127.0.0.1:1)", "connection refused")
		require.Greater(t, o.Duration, 300*time.Millisecond, "it tries again")
		require.Less(t, o.Duration, 10*time.Second)
		require.Contains(t, o.Stderr, "not reachable yet")
	})
	t.Run("a database that never answers", func(t *testing.T) {
		t.Parallel()
		hole := startFakePostgres(t, nil)
		p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_URL="+hole.url,
			"DATABASE_CONNECT_TIMEOUT=500ms")
		require.Less(t, p.Run().ExpectFailure(harness.ExitFailure, "PostgreSQL (clinic at ", "unavailable").Duration,
			10*time.Second)
	})
	t.Run("a wrong password, without trying again", func(t *testing.T) {
		t.Parallel()
		guard := startFakePostgres(t, refusePassword)
		p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_URL="+guard.url)
		o := p.Run().ExpectFailure(harness.ExitFailure, "PostgreSQL (clinic at ", "password authentication failed")
		require.NotContains(t, o.Stderr, "not reachable yet")
		require.Equal(t, "hunter2", <-guard.asked, "it did get that far")
	})
	t.Run("a data folder that is a file", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t)
		p = p.With("DATA_DIR=" + p.WriteFile("not a folder"))
		p.Run().ExpectFailure(harness.ExitConfig, "(DATA_DIR)", "not a directory")
		p.With("SECRET_KEY="+harness.SecretKey).Run().ExpectFailure(harness.ExitFailure, "not a directory")
	})
	t.Run("a truncated secret", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t).With("DATA_DIR=.")
		require.NoError(t, os.WriteFile(filepath.Join(p.Folder, "secret_key"), []byte("kT5z0qPwX1v8"), 0o600))
		p.Run().ExpectFailure(harness.ExitConfig, "secret_key (SECRET_KEY)", "remove it to have a new one made")
	})
	t.Run("a file that is no database", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t).With("DATA_DIR=.")
		require.NoError(t, os.WriteFile(filepath.Join(p.Folder, "healthcare.db"), make([]byte, 8192), 0o600))
		p.Run().ExpectFailure(harness.ExitFailure, "SQLite (healthcare.db)", "file is not a database")
	})
}

func TestFailingMigrationIsNamed(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		harness.Exec(t, db, `DROP TABLE goose_patients`) // its tables are there, its bookkeeping is not
		p.Run().ExpectFailure(harness.ExitFailure, "patients: migration 0001_patients.sql: ", "already exists")
		p.With("LOG_LEVEL=error").Run("migrate", "up").ExpectFailure(harness.ExitFailure,
			"patients: migration 0001_patients.sql: ", "already exists")
	})
}

func TestDatabaseThatDoesNotExist(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		if db.URL == "" {
			p = p.With("DATA_DIR=new") // where a new embedded database is created
			p.Run("migrate", "up")
			require.FileExists(t, filepath.Join(p.Folder, "new", "healthcare.db"))
			return
		}
		address, err := url.Parse(db.URL)
		require.NoError(t, err)
		address.Path = "/nowhere"
		o := p.With("DATABASE_URL="+address.String()).Run().ExpectFailure(harness.ExitFailure, "SQLSTATE 3D000",
			`database "nowhere" does not exist`)
		require.NotContains(t, o.Stderr, "not reachable yet", "trying again makes none")
	})
}
