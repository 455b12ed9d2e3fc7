package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"healthcare/platform/database/internal/fault"
)

// noDatabaseHint follows the error about a missing store, with the name of the setting that locates it.
const noDatabaseHint = "run this where the service runs, or set %s. " +
	"Only `healthcare serve` and `healthcare migrate up` create a database"

// CheckFile verifies that the SQLite file exists, without opening it. It does not check a server; Connect does. Errors:
// UnusableError, with the absolute path, if the file is missing.
func (cfg Config) CheckFile() error {
	if cfg.URL != "" {
		return nil
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return err
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, os.ErrNotExist):
		return fault.Unusable("no database at %s: "+noDatabaseHint, path, "DATA_DIR")
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fault.Unusable("no database at %s, which is not a file: "+noDatabaseHint, path, "DATA_DIR")
	}
	return nil
}

// requireTables verifies that migrations have been applied to the store. Unlike goose, it does not create the table
// that records them. Errors, with the location of the store: UnusableError if no migration has been applied; the
// store's.
func (db *DB) requireTables(ctx context.Context) error {
	tables, err := db.migrationTables(ctx, db.pools[0])
	if err != nil {
		return fmt.Errorf("%s: %w", db.Location(), fault.Explain(err))
	}
	if len(tables) > 0 {
		return nil
	}
	if db.engine == SQLite {
		return NoTablesError(db.cfg.Path)
	}
	return fault.Unusable("%s has no tables of this service: "+noDatabaseHint, db.Location(), "DATABASE_URL")
}

// NoTablesError returns the UnusableError about a SQLite database without tables.
func NoTablesError(path string) error {
	path, _ = filepath.Abs(path) // CheckFile has succeeded
	return fault.Unusable("no database at %s, which has no tables: "+noDatabaseHint, path, "DATA_DIR")
}
