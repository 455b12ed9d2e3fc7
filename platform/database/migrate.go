package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"healthcare/platform/database/internal/fault"
	"healthcare/platform/database/internal/postgres"
)

// Migrations are the SQL files of all modules, <module>/<engine>/NNNN_<name>.sql.
type Migrations struct {
	Files   fs.FS
	Modules []string // in the order of application: a module follows those whose tables it references
}

// Migration is a migration and whether it has been applied. The Name of a migration that only a newer release has is
// its version.
type Migration struct {
	Module  string
	Name    string
	Applied bool
	Newer   bool
}

// Migrate applies the pending migrations, module by module, and returns those that it applied. On PostgreSQL one
// instance migrates at a time, under an advisory lock. A migration waits only briefly for its table locks, because
// requests queue behind it, and is retried for maxLockWait.
//
// Errors: that of the first migration that failed, with its module and name. That migration is rolled back, earlier
// ones are kept. UnusableError if a newer release has applied a breaking migration.
func (db *DB) Migrate(ctx context.Context, m Migrations) ([]Migration, error) {
	var applied []Migration
	_, err := db.eachModule(ctx, m, newSessionLock, func(module string, p *goose.Provider) error {
		results, err := db.up(ctx, p)
		if partial, ok := errors.AsType[*goose.PartialError](err); ok {
			name := partial.Failed.Source.Path
			results, err = partial.Applied, fmt.Errorf("migration %s: %w", name, fault.Explain(partial.Err))
		}
		for _, r := range results {
			applied = append(applied, Migration{Module: module, Name: r.Source.Path, Applied: true})
		}
		return err
	})
	return applied, err
}

// MigrationStatus returns all migrations, last those that only a newer release has. It takes no lock. It therefore
// works through a pooler, which would keep the lock of a session on one of its connections.
//
// Errors: the store's; UnusableError, together with the list, if a newer release has applied a breaking migration.
func (db *DB) MigrationStatus(ctx context.Context, m Migrations) ([]Migration, error) {
	tables, err := db.migrationTables(ctx, db.pools[0])
	if err != nil {
		return nil, err
	}
	var all []Migration
	newer, err := db.eachModule(ctx, m, nil, func(module string, p *goose.Provider) error {
		if !slices.Contains(tables, "goose_"+module) { // Status would create the table
			for _, source := range p.ListSources() {
				all = append(all, Migration{Module: module, Name: source.Path})
			}
			return nil
		}
		status, err := p.Status(ctx)
		for _, s := range status {
			applied := s.State == goose.StateApplied
			all = append(all, Migration{Module: module, Name: s.Source.Path, Applied: applied})
		}
		return err
	})
	return append(all, newer...), err
}

// newSessionLock returns the advisory lock under which one instance migrates at a time.
func newSessionLock() (goose.ProviderOption, error) {
	// goose's default probes every 5 s. Three instances that start together would take 10 s instead of about one.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	return goose.WithSessionLocker(locker), err
}

// eachModule calls do for each module, in order, and returns the migrations that only a newer release has.
func (db *DB) eachModule(
	ctx context.Context, m Migrations, newLock func() (goose.ProviderOption, error),
	do func(module string, p *goose.Provider) error,
) (newer []Migration, err error) {
	pool, closePool, err := db.migrationPool()
	if err != nil {
		return nil, err
	}
	defer closePool()
	if newer, err = db.newerMigrations(ctx, pool, m); err != nil {
		return newer, err
	}
	for _, module := range m.Modules {
		p, err := db.provider(pool, m, module, newLock)
		if err == nil {
			err = do(module, p)
		}
		if err != nil {
			return newer, fmt.Errorf("%s: %w", module, fault.Explain(err))
		}
	}
	return newer, nil
}

// migrationPool returns the pool for migrations: on SQLite the writer, on PostgreSQL a separate pool, because a
// migration may take longer than the statement timeout of requests.
func (db *DB) migrationPool() (pool *sql.DB, closePool func(), err error) {
	if db.engine == SQLite {
		return db.pools[0], func() {}, nil
	}
	pool, err = postgres.OpenPool(postgres.Config{URL: db.cfg.URL})
	return pool, func() { _ = pool.Close() }, err
}

// provider returns the goose provider of a module. A nil newLock means no lock.
func (db *DB) provider(
	pool *sql.DB, m Migrations, module string, newLock func() (goose.ProviderOption, error),
) (*goose.Provider, error) {
	files, err := fs.Sub(m.Files, module+"/"+string(db.engine))
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithTableName("goose_" + module), goose.WithDisableGlobalRegistry(true)}
	if db.engine == SQLite {
		return goose.NewProvider(goose.DialectSQLite3, pool, files, options...)
	}
	if newLock != nil {
		sessionLock, err := newLock()
		if err != nil {
			return nil, err
		}
		options = append(options, sessionLock)
	}
	return goose.NewProvider(goose.DialectPostgres, pool, lockTimeoutFS{files}, options...)
}
