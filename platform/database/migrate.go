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

// Migrations are the SQL files of all modules: <module>/<engine>/NNNN_what.sql.
type Migrations struct {
	Files   fs.FS
	Modules []string // in the order in which they are applied: a module after those whose keys it references
}

// Migration is one file and whether it has been applied. Of one that a newer release has applied only the version is known, which is its name then.
type Migration struct {
	Module  string
	Name    string
	Applied bool
	Newer   bool
}

// Migrate applies what is pending, a module at a time, and returns what it applied. On PostgreSQL an advisory lock lets one instance do it
// while others wait. It does not wait long for the locks of a migration, because requests wait behind it: it tries again until maxLockWait is over.
// Errors: the first migration that failed, by module and name; it is undone, those before it stay. UnusableError where a newer release has applied one
// that this release cannot work with.
func (db *DB) Migrate(ctx context.Context, m Migrations) ([]Migration, error) {
	var applied []Migration
	err := db.eachModule(ctx, m, oneAtATime, func([]Migration) {}, func(module string, p *goose.Provider) error {
		results, err := db.up(ctx, p)
		if partial, ok := errors.AsType[*goose.PartialError](err); ok {
			results, err = partial.Applied, fmt.Errorf("migration %s: %w", partial.Failed.Source.Path, fault.Explain(partial.Err))
		}
		for _, r := range results {
			applied = append(applied, Migration{Module: module, Name: r.Source.Path, Applied: true})
		}
		return err
	})
	return applied, err
}

// MigrationStatus lists every migration and whether it has been applied. It takes no lock, so it also works through a pooler, where a lock of the
// session would stay with whatever connection the pooler gave it. Those that a newer release has applied come last. Errors: the store's; UnusableError
// where one of those is breaking, beside the list.
func (db *DB) MigrationStatus(ctx context.Context, m Migrations) ([]Migration, error) {
	there, err := db.migrationTables(ctx, db.pools[0])
	if err != nil {
		return nil, err
	}
	var all, unknown []Migration
	err = db.eachModule(ctx, m, nil, func(newer []Migration) { unknown = newer }, func(module string, p *goose.Provider) error {
		if !slices.Contains(there, "goose_"+module) { // which Status would create
			for _, source := range p.ListSources() {
				all = append(all, Migration{Module: module, Name: source.Path})
			}
			return nil
		}
		status, err := p.Status(ctx)
		for _, s := range status {
			all = append(all, Migration{Module: module, Name: s.Source.Path, Applied: s.State == goose.StateApplied})
		}
		return err
	})
	return append(all, unknown...), err
}

// oneAtATime has instances on PostgreSQL migrate one after the other.
func oneAtATime() (goose.ProviderOption, error) {
	// The default probes every 5 s: three instances starting at once would take 10 s instead of about one.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	return goose.WithSessionLocker(locker), err
}

func (db *DB) eachModule(ctx context.Context, m Migrations, locked func() (goose.ProviderOption, error), newer func([]Migration),
	do func(module string, p *goose.Provider) error,
) error {
	pool, done, err := db.migrationPool()
	if err != nil {
		return err
	}
	defer done()
	unknown, err := db.newer(ctx, pool, m)
	newer(unknown)
	if err != nil {
		return err
	}
	for _, module := range m.Modules {
		p, err := db.provider(pool, m, module, locked)
		if err == nil {
			err = do(module, p)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", module, fault.Explain(err))
		}
	}
	return nil
}

// migrationPool is the writer on SQLite; on PostgreSQL a pool of its own, because a migration may take longer than a statement of a request.
func (db *DB) migrationPool() (*sql.DB, func(), error) {
	if db.engine == SQLite {
		return db.pools[0], func() {}, nil
	}
	pool, err := postgres.OpenPool(postgres.Config{URL: db.cfg.URL})
	return pool, func() { _ = pool.Close() }, err
}

func (db *DB) provider(pool *sql.DB, m Migrations, module string, locked func() (goose.ProviderOption, error)) (*goose.Provider, error) {
	files, err := fs.Sub(m.Files, module+"/"+string(db.engine))
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithTableName("goose_" + module), goose.WithDisableGlobalRegistry(true)}
	if db.engine == SQLite {
		return goose.NewProvider(goose.DialectSQLite3, pool, files, options...)
	}
	if locked != nil {
		lock, err := locked()
		if err != nil {
			return nil, err
		}
		options = append(options, lock)
	}
	return goose.NewProvider(goose.DialectPostgres, pool, boundedLocks{files}, options...)
}
