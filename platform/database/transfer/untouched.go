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

// Untouched reports whether a SQLite database is not there yet, or holds no more rows than migrations put into it. Errors: those of the file; it is no
// database.
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
	seeds, err := database.Pristine(ctx, m)
	if err != nil {
		return false, err
	}
	defer func() { _ = seeds.Close() }()
	for _, table := range tables {
		has, err := r.count(ctx, table)
		if err != nil {
			return false, err
		}
		if has == 0 {
			continue
		}
		var seeded int64
		if err := seeds.Read(ctx).Raw("SELECT count(*) FROM " + quoted(table)).Scan(&seeded).Error; err != nil || has != seeded {
			return false, nil // an error: a table of another release
		}
	}
	return true, nil
}
