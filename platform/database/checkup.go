package database

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"healthcare/platform/checkup"
	"healthcare/platform/database/internal/fault"
	"healthcare/platform/database/internal/orm"
	"healthcare/platform/database/internal/postgres"
	"healthcare/platform/database/internal/sqlite"
)

// Bounds of an examination: a store that hangs must not make it hang.
const (
	connectWithin    = 4 * time.Second
	quickCheckWithin = 8 * time.Second
)

// Examine looks at the store without changing or creating anything, and returns it for others to look at, nil where it cannot be used. The caller closes it.
func Examine(ctx context.Context, cfg Config, m Migrations) (*DB, []checkup.Finding) {
	if err := cfg.Find(); err != nil {
		return nil, []checkup.Finding{checkup.NewFinding(checkup.Fail, "store", "%v", err)}
	}
	db, err := openReadOnly(cfg)
	if err != nil {
		return nil, []checkup.Finding{checkup.NewFinding(checkup.Fail, "store", "%v", err)}
	}
	reached, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	if err := db.pools[0].PingContext(reached); err != nil {
		_ = db.Close()
		return nil, []checkup.Finding{checkup.NewFinding(checkup.Fail, "store", "%s: %v", db.Where(), causeOf(err))}
	}
	look := db.checkSQLite
	if db.engine == Postgres {
		look = db.checkPostgres
	}
	found := append(look(ctx), db.checkMigrations(ctx, m)...)
	if err := db.requireTables(ctx); err != nil {
		_ = db.Close()
		return nil, found
	}
	return db, found
}

// causeOf returns what an operator has to know, which clients are not told.
func causeOf(err error) error {
	explained := fault.Explain(err)
	if cause := errors.Unwrap(explained); cause != nil {
		return cause
	}
	return explained
}

// openReadOnly opens the store in a way that leaves no trace.
func openReadOnly(cfg Config) (*DB, error) {
	db := &DB{engine: SQLite, cfg: cfg, log: zap.NewNop()}
	if cfg.URL != "" {
		db.engine = Postgres
		pool, err := postgres.OpenPool(postgres.Config{URL: cfg.URL, Settings: cfg.settings()})
		if err != nil {
			return nil, err
		}
		pool.SetMaxOpenConns(1)
		db.pools = []*sql.DB{pool}
		db.writer, err = orm.Open(postgres.NewDialector(pool, cfg.PoolSize, cfg.AcquireTimeout), 0, db.log)
		db.reader = db.writer
		return db, err
	}
	more := url.Values{"mode": {"ro"}, "_query_only": {"1"}}
	if _, err := os.Stat(cfg.Path + "-wal"); errors.Is(err, os.ErrNotExist) {
		more.Set("immutable", "1") // nobody has it open; a reader would make that file, as a user that may not be the service's
	}
	pool, err := sql.Open("sqlite", sqlite.Address(cfg.Path, time.Second, more))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	db.pools = []*sql.DB{pool}
	db.writer, err = orm.Open(sqlite.NewDialector(pool), 0, db.log)
	db.reader = db.writer
	return db, err
}

func (db *DB) checkSQLite(ctx context.Context) []checkup.Finding {
	ctx, cancel := context.WithTimeout(ctx, quickCheckWithin)
	defer cancel()
	path, _ := filepath.Abs(db.cfg.Path) // Find has
	var said string
	err := db.pools[0].QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said)
	switch {
	case ctx.Err() != nil:
		return []checkup.Finding{checkup.NewFinding(checkup.Warn, "store", "SQLite (%s) is too large to be checked within %s: check a `healthcare backup`", path, quickCheckWithin)}
	case err != nil:
		return []checkup.Finding{checkup.NewFinding(checkup.Fail, "store", "SQLite (%s): %v", path, causeOf(err))}
	case said != "ok":
		return []checkup.Finding{checkup.NewFinding(checkup.Fail, "store", "SQLite (%s) is damaged: %s: restore a backup", path, said)}
	}
	return []checkup.Finding{checkup.NewFinding(checkup.OK, "store", "SQLite (%s) is sound", path)}
}

// checkMigrations reports migrations that are pending, and those of a newer release.
func (db *DB) checkMigrations(ctx context.Context, m Migrations) []checkup.Finding {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	var pending, newer []string
	all, err := db.MigrationStatus(ctx, m)
	for _, one := range all {
		switch name := one.Module + "/" + one.Name; {
		case one.Newer:
			newer = append(newer, name)
		case !one.Applied:
			pending = append(pending, name)
		}
	}
	switch {
	case err != nil:
		return []checkup.Finding{checkup.NewFinding(checkup.Fail, "migrations", "%v", causeOf(err))}
	case len(pending) == len(all):
		return []checkup.Finding{checkup.NewFinding(checkup.Fail, "migrations", "none was ever applied: run `healthcare migrate up`")}
	case len(pending) > 0:
		return []checkup.Finding{checkup.NewFinding(checkup.Fail, "migrations", "pending: %s: run `healthcare migrate up`", strings.Join(pending, ", "))}
	case len(newer) > 0:
		return []checkup.Finding{checkup.NewFinding(checkup.Warn, "migrations", "applied by a newer release: %s: update this one", strings.Join(newer, ", "))}
	}
	return []checkup.Finding{checkup.NewFinding(checkup.OK, "migrations", "every one is applied")}
}
