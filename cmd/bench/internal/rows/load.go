package rows

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"healthcare/migrations"
	"healthcare/platform/database"
)

// Progress hears how many rows of a table there are.
type Progress func(table string, done, all int)

// Load migrates an empty database and fills it as planned. Indexes are made afterwards, and foreign keys are not checked where that can be turned off:
// the rows are known to fit. Errors: the store's.
func Load(ctx context.Context, cfg database.Config, plan Plan, tell Progress) error {
	db, err := database.Open(cfg, zap.NewNop())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.Connect(ctx); err != nil {
		return err
	}
	if _, err := db.Migrate(ctx, migrations.All()); err != nil {
		return err
	}
	if cfg.URL != "" {
		return loadPostgres(ctx, cfg.URL, plan, tell)
	}
	pool, err := db.Write(ctx).DB()
	if err != nil {
		return err
	}
	return loadSQLite(ctx, pool, plan, tell)
}

func loadPostgres(ctx context.Context, url string, plan Plan, tell Progress) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, _ = conn.Exec(ctx, "SET session_replication_role = replica") // needs a superuser; without, foreign keys are checked
	_, _ = conn.Exec(ctx, "SET maintenance_work_mem = '256MB'")
	rows, err := conn.Query(ctx, `SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename IN ('patients', 'assignments')
		AND indexname LIKE '%\_idx'`)
	if err != nil {
		return err
	}
	definitions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	exec := func(statement string) error { _, err := conn.Exec(ctx, statement); return err }
	return withoutIndexes(definitions, exec, func() error {
		for _, t := range plan.tables() {
			n := 0
			_, err := conn.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromFunc(func() ([]any, error) {
				if n == t.rows {
					return nil, nil
				}
				n++
				told(tell, t, n)
				return forPostgres(t.row(n - 1)), nil
			}))
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
		return nil
	}, "VACUUM (ANALYZE)", tell)
}

// forPostgres spells times and dates as COPY takes them, which is binary.
func forPostgres(row []any) []any {
	for i, v := range row {
		switch v := v.(type) {
		case database.Time:
			row[i] = v.Time
		case string:
			if day, err := time.Parse(time.DateOnly, v); err == nil {
				row[i] = day
			}
		}
	}
	return row
}

// atOnce is how many rows a transaction of SQLite takes; perStatement how many one INSERT does.
const (
	atOnce       = 100_000
	perStatement = 100
)

func loadSQLite(ctx context.Context, pool *sql.DB, plan Plan, tell Progress) error {
	exec := func(statement string) error { _, err := pool.ExecContext(ctx, statement); return err }
	for _, pragma := range []string{"PRAGMA foreign_keys = 0", "PRAGMA cache_size = -400000"} { // the pool has one connection
		if err := exec(pragma); err != nil {
			return err
		}
	}
	definitions, err := texts(ctx, pool, `SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('patients', 'assignments')`)
	if err != nil {
		return err
	}
	return withoutIndexes(definitions, exec, func() error {
		for _, t := range plan.tables() {
			for from := 0; from < t.rows; from += atOnce {
				if err := insert(ctx, pool, t, from, min(t.rows, from+atOnce), tell); err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
			}
		}
		return nil
	}, "PRAGMA wal_checkpoint(TRUNCATE)", tell) // the file alone is the database then, and can be copied
}

func texts(ctx context.Context, pool *sql.DB, query string) (all []string, err error) {
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// insert adds rows from..to-1 in one transaction.
func insert(ctx context.Context, pool *sql.DB, t table, from, to int, tell Progress) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing, once committed
	whole := (to - from) / perStatement * perStatement
	if err := insertBy(ctx, tx, t, from, from+whole, perStatement, tell); err != nil {
		return err
	}
	if err := insertBy(ctx, tx, t, from+whole, to, 1, tell); err != nil {
		return err
	}
	return tx.Commit()
}

// insertBy adds rows from..to-1 through one prepared statement, so many at a time.
func insertBy(ctx context.Context, tx *sql.Tx, t table, from, to, size int, tell Progress) error {
	marks := "(" + strings.TrimSuffix(strings.Repeat("?,", len(t.columns)), ",") + "),"
	// #nosec G202 -- names of our own
	text := "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ",") + ") VALUES " + strings.TrimSuffix(strings.Repeat(marks, size), ",")
	statement, err := tx.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	defer statement.Close()
	for n := from; n < to; n += size {
		var values []any
		for i := range size {
			values = append(values, t.row(n+i)...)
		}
		if _, err := statement.ExecContext(ctx, values...); err != nil {
			return err
		}
		for i := range size {
			told(tell, t, n+i+1)
		}
	}
	return nil
}

// withoutIndexes has load run while there are none but those of constraints, and makes them again. The statement last ends it.
func withoutIndexes(definitions []string, exec func(string) error, load func() error, last string, tell Progress) error {
	for _, definition := range definitions {
		if err := exec("DROP INDEX " + nameOf(definition)); err != nil {
			return err
		}
	}
	if err := load(); err != nil {
		return err
	}
	for i, definition := range definitions {
		tell("indexes", i, len(definitions))
		if err := exec(definition); err != nil {
			return err
		}
	}
	tell("indexes", len(definitions), len(definitions))
	return exec(last)
}

// nameOf is the third word of CREATE INDEX name ON …
func nameOf(definition string) string {
	return strings.Fields(definition)[2]
}

func told(tell Progress, t table, n int) {
	if n%100_000 == 0 || n == t.rows {
		tell(t.name, n, t.rows)
	}
}
