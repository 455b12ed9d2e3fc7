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

// Time limits of the checks, in case the store hangs.
const (
	checkTimeout      = 4 * time.Second
	quickCheckTimeout = 8 * time.Second
)

// Examine checks the store without changing or creating anything. It returns the open store for further checks, nil if
// the store cannot be used. The caller closes it.
func Examine(ctx context.Context, cfg Config, m Migrations) (*DB, []checkup.Finding) {
	if err := cfg.CheckFile(); err != nil {
		return nil, []checkup.Finding{checkup.NewFinding(checkup.Fail, "store", "%v", err)}
	}
	db, err := openReadOnly(cfg)
	if err != nil {
		return nil, []checkup.Finding{checkup.NewFinding(checkup.Fail, "store", "%v", err)}
	}
	pingCtx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := db.pools[0].PingContext(pingCtx); err != nil {
		_ = db.Close()
		return nil, []checkup.Finding{checkup.NewFinding(checkup.Fail, "store", "%s: %v", db.Location(), causeOf(err))}
	}
	var findings []checkup.Finding
	if db.engine == Postgres {
		findings = db.checkPostgres(ctx)
	} else {
		findings = append(findings, db.checkSQLite(ctx))
	}
	findings = append(findings, db.checkMigrations(ctx, m))
	if err := db.requireTables(ctx); err != nil {
		_ = db.Close()
		return nil, findings
	}
	return db, findings
}

// causeOf returns the cause of an error, which operators need and clients must not see.
func causeOf(err error) error {
	explained := fault.Explain(err)
	if cause := errors.Unwrap(explained); cause != nil {
		return cause
	}
	return explained
}

// openReadOnly opens the store without creating or changing a file.
func openReadOnly(cfg Config) (*DB, error) {
	db := &DB{engine: SQLite, cfg: cfg, log: zap.NewNop()}
	if cfg.URL != "" {
		db.engine = Postgres
		conns, err := postgres.OpenPool(postgres.Config{URL: cfg.URL, Settings: cfg.settings()})
		if err != nil {
			return nil, err
		}
		conns.SetMaxOpenConns(1)
		db.pools = []*sql.DB{conns}
		db.writer, err = orm.Open(postgres.NewDialector(conns, cfg.PoolSize, cfg.AcquireTimeout), 0, db.log)
		db.reader = db.writer
		return db, err
	}
	parameters := url.Values{"mode": {"ro"}, "_query_only": {"1"}}
	if _, err := os.Stat(cfg.Path + "-wal"); errors.Is(err, os.ErrNotExist) {
		// The file is not open anywhere. Without immutable, a reader would create the -wal file, possibly as another
		// user than the service's.
		parameters.Set("immutable", "1")
	}
	conns, err := sql.Open("sqlite", sqlite.Address(cfg.Path, time.Second, parameters))
	if err != nil {
		return nil, err
	}
	conns.SetMaxOpenConns(1)
	db.pools = []*sql.DB{conns}
	db.writer, err = orm.Open(sqlite.NewDialector(conns), 0, db.log)
	db.reader = db.writer
	return db, err
}

func (db *DB) checkSQLite(ctx context.Context) checkup.Finding {
	ctx, cancel := context.WithTimeout(ctx, quickCheckTimeout)
	defer cancel()
	path, _ := filepath.Abs(db.cfg.Path) // CheckFile has succeeded
	var result string
	err := db.pools[0].QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result)
	switch {
	case ctx.Err() != nil:
		return checkup.NewFinding(checkup.Warn, "store",
			"SQLite (%s) is too large to check within %s: check a `healthcare backup`", path, quickCheckTimeout)
	case err != nil:
		return checkup.NewFinding(checkup.Fail, "store", "SQLite (%s): %v", path, causeOf(err))
	case result != "ok":
		return checkup.NewFinding(checkup.Fail, "store", "SQLite (%s) is damaged: %s: restore a backup", path, result)
	}
	return checkup.NewFinding(checkup.OK, "store", "SQLite (%s) is sound", path)
}

// checkMigrations reports pending migrations and those of a newer release.
func (db *DB) checkMigrations(ctx context.Context, m Migrations) checkup.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var pending, newer []string
	all, err := db.MigrationStatus(ctx, m)
	for _, migration := range all {
		switch name := migration.Module + "/" + migration.Name; {
		case migration.Newer:
			newer = append(newer, name)
		case !migration.Applied:
			pending = append(pending, name)
		}
	}
	switch {
	case err != nil:
		return checkup.NewFinding(checkup.Fail, "migrations", "%v", causeOf(err))
	case len(pending) == len(all):
		return checkup.NewFinding(checkup.Fail, "migrations", "none has been applied: run `healthcare migrate up`")
	case len(pending) > 0:
		return checkup.NewFinding(checkup.Fail, "migrations",
			"pending: %s: run `healthcare migrate up`", strings.Join(pending, ", "))
	case len(newer) > 0:
		return checkup.NewFinding(checkup.Warn, "migrations",
			"applied by a newer release: %s: update this one", strings.Join(newer, ", "))
	}
	return checkup.NewFinding(checkup.OK, "migrations", "all are applied")
}
