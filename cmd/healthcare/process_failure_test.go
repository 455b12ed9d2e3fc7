package main

import (
	"database/sql"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

func TestFailedStartSaysWhyInItsLastLine(t *testing.T) {
	t.Parallel()
	t.Run("a port that is taken", func(t *testing.T) {
		t.Parallel()
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = taken.Close() }()
		patient(t).with("HTTP_ADDRESS="+taken.Addr().String()).run().failed(exitFailure, taken.Addr().String(), "address already in use")
	})
	t.Run("a database that nobody serves, after as long as the operator allows", func(t *testing.T) {
		t.Parallel()
		p := patient(t).with("SECRET_KEY="+testSecret, "DATABASE_URL=postgres://clinic:hunter2@127.0.0.1:1/clinic?sslmode=disable", "DATABASE_CONNECT_TIMEOUT=500ms")
		o := p.run().failed(exitFailure, "PostgreSQL (clinic at 127.0.0.1:1)", "connection refused")
		require.Greater(t, o.took, 300*time.Millisecond, "it tries again")
		require.Less(t, o.took, 10*time.Second)
		require.Contains(t, o.stderr, "not reachable yet")
	})
	t.Run("a database that never answers", func(t *testing.T) {
		t.Parallel()
		hole := pretend(t, nil)
		p := patient(t).with("SECRET_KEY="+testSecret, "DATABASE_URL="+hole.url, "DATABASE_CONNECT_TIMEOUT=500ms")
		require.Less(t, p.run().failed(exitFailure, "PostgreSQL (clinic at ", "unavailable").took, 10*time.Second)
	})
	t.Run("a wrong password, without trying again", func(t *testing.T) {
		t.Parallel()
		guard := pretend(t, refusePassword)
		p := patient(t).with("SECRET_KEY="+testSecret, "DATABASE_URL="+guard.url)
		o := p.run().failed(exitFailure, "PostgreSQL (clinic at ", "password authentication failed")
		require.NotContains(t, o.stderr, "not reachable yet")
		require.Equal(t, "hunter2", <-guard.asked, "it did get that far")
	})
	t.Run("a data folder that is a file", func(t *testing.T) {
		t.Parallel()
		p := patient(t)
		p = p.with("DATA_DIR=" + p.file("not a folder"))
		p.run().failed(exitConfig, "(DATA_DIR)", "not a directory")
		p.with("SECRET_KEY="+testSecret).run().failed(exitFailure, "not a directory")
	})
	t.Run("a truncated secret", func(t *testing.T) {
		t.Parallel()
		p := patient(t).with("DATA_DIR=.")
		require.NoError(t, os.WriteFile(filepath.Join(p.folder, "secret_key"), []byte("kT5z0qPwX1v8"), 0o600))
		p.run().failed(exitConfig, "secret_key (SECRET_KEY)", "remove it to have a new one made")
	})
	t.Run("a file that is no database", func(t *testing.T) {
		t.Parallel()
		p := patient(t).with("DATA_DIR=.")
		require.NoError(t, os.WriteFile(filepath.Join(p.folder, "healthcare.db"), make([]byte, 8192), 0o600))
		p.run().failed(exitFailure, "SQLite (healthcare.db)", "file is not a database")
	})
}

func TestFailingMigrationSaysWhichOne(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, db database.Config) {
		statements(t, db, `DROP TABLE goose_patients`) // its tables are there, its bookkeeping is not
		p.run().failed(exitFailure, "patients: migration 0001_patients.sql: ", "already exists")
		p.with("LOG_LEVEL=error").run("migrate", "up").failed(exitFailure, "patients: migration 0001_patients.sql: ", "already exists")
	})
}

func TestDatabaseThatDoesNotExist(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, db database.Config) {
		if db.URL == "" {
			p = p.with("DATA_DIR=new") // where there is none, the embedded one is made
			p.run("migrate", "up")
			require.FileExists(t, filepath.Join(p.folder, "new", "healthcare.db"))
			return
		}
		address, err := url.Parse(db.URL)
		require.NoError(t, err)
		address.Path = "/nowhere"
		o := p.with("DATABASE_URL="+address.String()).run().failed(exitFailure, "SQLSTATE 3D000", `database "nowhere" does not exist`)
		require.NotContains(t, o.stderr, "not reachable yet", "trying again makes none")
	})
}

// statements runs SQL beside the program, as an operator might.
func statements(t *testing.T, db database.Config, all ...string) {
	t.Helper()
	driver, source := "sqlite", db.Path
	if db.URL != "" {
		driver, source = "pgx", db.URL
	}
	pool, err := sql.Open(driver, source)
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	for _, statement := range all {
		_, err := pool.Exec(statement)
		require.NoError(t, err, statement)
	}
}
