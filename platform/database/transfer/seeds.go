package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"healthcare/platform/database"
	"healthcare/platform/database/internal/fault"
)

// Untouched reports whether a SQLite database does not exist yet, or holds no more rows than migrations insert.
// Errors: the file's; it is not a database.
func Untouched(ctx context.Context, path string, m database.Migrations) (bool, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	pool, err := openFile(path, url.Values{"mode": {"rw"}, "_query_only": {"1"}})
	if err != nil {
		return false, err
	}
	defer func() { _ = pool.Close() }()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return false, fault.Explain(err)
	}
	defer func() { _ = conn.Close() }()
	r := reader{conn}
	tables, err := r.tables(ctx)
	if err != nil {
		return false, fmt.Errorf("SQLite (%s): %w", path, err)
	}
	return untouched(ctx, r, tables, m)
}

func untouched(ctx context.Context, r reader, tables []string, m database.Migrations) (bool, error) {
	seeds, err := database.OpenInMemory(ctx, m)
	if err != nil {
		return false, err
	}
	defer func() { _ = seeds.Close() }()
	for _, table := range tables {
		rows, err := r.count(ctx, table)
		if err != nil {
			return false, err
		}
		if rows == 0 {
			continue
		}
		var seeded int64
		err = seeds.Read(ctx).Raw("SELECT count(*) FROM " + quoted(table)).Scan(&seeded).Error
		if err != nil || rows != seeded {
			return false, nil // an error: a table of another release
		}
	}
	return true, nil
}

// checkSeeds returns an error if the rows that migrations inserted into the target were changed since.
func (table *Table) checkSeeds(ctx context.Context, pristine reader, to *target) error {
	if table.seeded == 0 {
		return nil
	}
	stored, err := to.digest(ctx, table, func(int64) error { return nil })
	if err != nil {
		return err
	}
	seeds := &digest{}
	if err := pristine.each(ctx, table.query(), nil, seeds.add); err != nil {
		return err
	}
	if !stored.equals(seeds) {
		return fmt.Errorf("the target is not empty and was not changed: %s has been written to", table.Name)
	}
	return nil
}
