package process

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

func TestFailedStartReportsItsReason(t *testing.T) {
	t.Parallel()
	t.Run("port in use", func(t *testing.T) {
		t.Parallel()
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = taken.Close() }()
		harness.NewTolerantEnv(t).With("HTTP_ADDRESS="+taken.Addr().String()).Run().ExpectFailure(harness.ExitFailure,
			taken.Addr().String(), "address already in use")
	})
	t.Run("unreachable database, after DATABASE_CONNECT_TIMEOUT", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey,
			"DATABASE_URL=postgres://clinic:hunter2@127.0.0.1:1/clinic?sslmode=disable",
			"DATABASE_CONNECT_TIMEOUT=500ms")
		o := p.Run().ExpectFailure(harness.ExitFailure, "PostgreSQL (clinic at 127.0.0.1:1)", "connection refused")
		require.Greater(t, o.Duration, 300*time.Millisecond, "it retries")
		require.Less(t, o.Duration, 10*time.Second)
		require.Contains(t, o.Stderr, "not reachable yet")
	})
	t.Run("database that does not respond", func(t *testing.T) {
		t.Parallel()
		silent := startFakePostgres(t, nil)
		p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_URL="+silent.url,
			"DATABASE_CONNECT_TIMEOUT=500ms")
		require.Less(t, p.Run().ExpectFailure(harness.ExitFailure, "PostgreSQL (clinic at ", "unavailable").Duration,
			10*time.Second)
	})
	t.Run("wrong password, without a retry", func(t *testing.T) {
		t.Parallel()
		rejecting := startFakePostgres(t, rejectPassword)
		p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_URL="+rejecting.url)
		o := p.Run().ExpectFailure(harness.ExitConfig, "PostgreSQL (clinic at ", "password authentication failed",
			"correct the role and the password in the database's address")
		require.NotContains(t, o.Stderr, "hunter2")
		require.NotContains(t, o.Stderr, "not reachable yet")
		require.Equal(t, "hunter2", <-rejecting.connected, "the password was sent")
	})
	t.Run("data folder that is a file", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t)
		p = p.With("DATA_DIR=" + p.WriteFile("not a folder"))
		p.Run().ExpectFailure(harness.ExitConfig, "(DATA_DIR)", "not a directory")
		p.With("SECRET_KEY="+harness.SecretKey).Run().ExpectFailure(harness.ExitFailure, "not a directory")
	})
	t.Run("truncated secret", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t).With("DATA_DIR=.")
		require.NoError(t, os.WriteFile(filepath.Join(p.Folder, "secret_key"), []byte("kT5z0qPwX1v8"), 0o600))
		p.Run().ExpectFailure(harness.ExitConfig, "secret_key (SECRET_KEY)", "remove it to have a new one made")
	})
	t.Run("file that is not a database", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t).With("DATA_DIR=.")
		require.NoError(t, os.WriteFile(filepath.Join(p.Folder, "healthcare.db"), make([]byte, 8192), 0o600))
		for _, command := range []string{"serve", "migrate up", "user list", "backup"} {
			p.Run(strings.Fields(command)...).ExpectFailure(harness.ExitConfig, "SQLite (", "file is not a database",
				"restore it from a backup, or correct DATA_DIR")
		}
	})
}

func TestFailedMigrationIsNamed(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		harness.Exec(t, db, `DROP TABLE goose_patients`) // keeps its tables
		p.Run().ExpectFailure(harness.ExitFailure, "patients: migration 0001_patients.sql: ", "already exists")
		p.With("LOG_LEVEL=error").Run("migrate", "up").ExpectFailure(harness.ExitFailure,
			"patients: migration 0001_patients.sql: ", "already exists")
	})
}

func TestNonexistentDatabaseOrRole(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		if db.URL == "" {
			p = p.With("DATA_DIR=new") // a new embedded database is created
			p.Run("migrate", "up")
			require.FileExists(t, filepath.Join(p.Folder, "new", "healthcare.db"))
			return
		}
		address, err := url.Parse(db.URL)
		require.NoError(t, err)
		address.Path = "/nowhere"
		o := p.With("DATABASE_URL="+address.String()).Run().ExpectFailure(harness.ExitConfig, "SQLSTATE 3D000",
			`database "nowhere" does not exist`)
		require.NotContains(t, o.Stderr, "not reachable yet", "a retry cannot create it")
		address.User = url.User("nobody_knows")
		p.With("DATABASE_URL="+address.String()).Run().ExpectFailure(harness.ExitConfig, "SQLSTATE 28000",
			`role "nobody_knows" does not exist: correct the role`)
	})
}
