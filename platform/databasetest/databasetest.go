// Package databasetest provides each test with its own migrated database, on both engines: SQLite always, PostgreSQL if
// package cluster finds a server. It imports no module, but uses the modules' migrations and tables.
package databasetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/migrations"
	"healthcare/platform/database"
	"healthcare/platform/databasetest/cluster"
)

// Each runs test once per engine, as a parallel subtest with its own database.
func Each(t *testing.T, test func(t *testing.T, db *database.DB)) {
	EachConfig(t, func(t *testing.T, cfg database.Config) { test(t, open(t, cfg)) })
}

// EachConfig is like Each, for tests that open the database themselves.
func EachConfig(t *testing.T, test func(t *testing.T, cfg database.Config)) {
	t.Run(string(database.SQLite), func(t *testing.T) {
		t.Parallel()
		test(t, sqlite(t))
	})
	t.Run(string(database.Postgres), func(t *testing.T) {
		t.Parallel()
		test(t, postgres(t))
	})
}

// EachBench is like Each, for benchmarks. It runs one engine after the other.
func EachBench(b *testing.B, bench func(b *testing.B, db *database.DB)) {
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		b.Run(string(engine), func(b *testing.B) { bench(b, OpenForBench(b, engine)) })
	}
}

// OpenForBench opens a migrated database whose time limits allow statements over millions of rows.
func OpenForBench(b *testing.B, engine database.Engine) *database.DB {
	b.Helper()
	config := sqlite
	if engine == database.Postgres {
		config = postgres
	}
	cfg := config(b)
	cfg.StatementTimeout, cfg.IdleInTxTimeout = 10*time.Minute, 10*time.Minute
	return open(b, cfg)
}

// PostgresURL returns the address of a migrated PostgreSQL database, for whole programs.
func PostgresURL(t testing.TB) string { return postgres(t).URL }

// Both returns a migrated database on each engine, for tests that move data between engines.
func Both(t testing.TB) (lite, pg database.Config) { return sqlite(t), postgres(t) }

// SQLite returns a migrated SQLite database, for tests that do not depend on the engine.
func SQLite(t testing.TB) *database.DB { return open(t, sqlite(t)) }

func open(t testing.TB, cfg database.Config) *database.DB {
	t.Helper()
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Connect(t.Context()))
	return db
}

// limits returns the limits of an installation, with longer timeouts for loaded test machines.
func limits() database.Config {
	return database.Config{
		PoolSize: 8, ConnectTimeout: 30 * time.Second, AcquireTimeout: 20 * time.Second,
		StatementTimeout: 20 * time.Second, LockTimeout: 20 * time.Second, IdleInTxTimeout: 30 * time.Second,
	}
}

// migratedFile returns an empty, migrated SQLite database. A copy takes 1 ms, the migrations take 50 ms.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "healthcare-sqlite-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	cfg := limits()
	cfg.Path = filepath.Join(folder, "template.db")
	if err := migrate(cfg); err != nil {
		return nil, err
	}
	return os.ReadFile(cfg.Path)
})

func sqlite(t testing.TB) database.Config {
	t.Helper()
	content, err := migratedFile()
	require.NoError(t, err)
	cfg := limits()
	cfg.Path = filepath.Join(t.TempDir(), "healthcare.db")
	require.NoError(t, os.WriteFile(cfg.Path, content, 0o600))
	return cfg
}

// migrate applies all migrations to a database.
func migrate(cfg database.Config) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := database.Open(cfg, zap.NewNop())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Connect(ctx); err != nil {
		return err
	}
	_, err = db.Migrate(ctx, migrations.All())
	return err
}

// OwnPostgres starts an empty server for one test, which may stop it.
func OwnPostgres(t testing.TB) *cluster.Server {
	t.Helper()
	own, err := cluster.Own()
	requireServer(t, err)
	t.Cleanup(own.Close)
	return own
}

// requireServer skips the test if PostgreSQL is not installed and not required.
func requireServer(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, cluster.ErrNotInstalled) && os.Getenv("REQUIRE_POSTGRES") != "1" {
		t.Skip(Missing)
	}
	require.NoError(t, err, "the server should start, or be absent without REQUIRE_POSTGRES=1")
}

func postgres(t testing.TB) database.Config {
	t.Helper()
	server, err := cluster.URL()
	requireServer(t, err)
	cfg := limits()
	cfg.URL = ownDatabase(t, server)
	return cfg
}

// PostgresWith creates an empty PostgreSQL database with the options of CREATE DATABASE.
func PostgresWith(t testing.TB, options string) database.Config {
	t.Helper()
	server, err := cluster.URL()
	requireServer(t, err)
	cfg := limits()
	cfg.URL = createDatabase(t, server, options)
	return cfg
}

// Missing is the reason for skipping tests.
const Missing = "PostgreSQL is not installed and TEST_DATABASE_URL is not set: tests on PostgreSQL are skipped"
