package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"healthcare/platform/database/internal/fault"
)

// elsewhere is the likely reason for a store that is not there, and what to do.
const elsewhere = "run this where the service runs, or set %s. Only `healthcare serve` and `healthcare migrate up` create one"

// Find reports whether the embedded database is there, without touching it. A server is asked by Connect. Errors: there is none, with the path that was
// looked at.
func (cfg Config) Find() error {
	if cfg.URL != "" {
		return nil
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return err
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("no database at %s: "+elsewhere, path, "DATA_DIR")
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("no database at %s, which is no file: "+elsewhere, path, "DATA_DIR")
	}
	return nil
}

// requireTables reports whether migrations have ever been applied to the store. It creates nothing, unlike goose, which makes the table that it looks for.
// Errors: none has been; the store's.
func (db *DB) requireTables(ctx context.Context) error {
	there, err := db.migrationTables(ctx, db.pools[0])
	if err != nil {
		return fault.Explain(err)
	}
	if len(there) > 0 {
		return nil
	}
	if db.engine == SQLite {
		return Empty(db.cfg.Path)
	}
	return fmt.Errorf("%s has no tables of this service: "+elsewhere, db.Where(), "DATABASE_URL")
}

// Empty is the error of a SQLite database without tables.
func Empty(path string) error {
	path, _ = filepath.Abs(path) // Find has
	return fmt.Errorf("no database at %s, which has no tables: "+elsewhere, path, "DATA_DIR")
}
