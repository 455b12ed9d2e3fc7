package rows

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// The number of rows in one transaction and in one INSERT.
const (
	perTransaction = 100_000
	perStatement   = 100
)

// loadSQLite inserts the rows by prepared statements in large transactions.
func loadSQLite(ctx context.Context, pool *sql.DB, plan Plan, progress Progress) error {
	exec := func(statement string) error { _, err := pool.ExecContext(ctx, statement); return err }
	// The pool has one connection.
	for _, pragma := range []string{"PRAGMA foreign_keys = 0", "PRAGMA cache_size = -400000"} {
		if err := exec(pragma); err != nil {
			return err
		}
	}
	definitions, err := texts(
		ctx, pool,
		`SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
		AND tbl_name IN ('patients', 'assignments', 'patient_doctors', 'patient_grants')`,
	)
	if err != nil {
		return err
	}
	return withoutIndexes(definitions, exec, func() error {
		for _, t := range plan.tables() {
			for from := 0; from < t.rows; from += perTransaction {
				if err := insert(ctx, pool, t, from, min(t.rows, from+perTransaction), progress); err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
			}
		}
		return nil
	}, "PRAGMA wal_checkpoint(TRUNCATE)", progress) // then the file is the whole database and can be copied
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
func insert(ctx context.Context, pool *sql.DB, t table, from, to int, progress Progress) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after the commit
	whole := (to - from) / perStatement * perStatement
	if err := insertBy(ctx, tx, t, from, from+whole, perStatement, progress); err != nil {
		return err
	}
	if err := insertBy(ctx, tx, t, from+whole, to, 1, progress); err != nil {
		return err
	}
	return tx.Commit()
}

// insertBy adds rows from..to-1 through one prepared statement, so many at a time.
func insertBy(ctx context.Context, tx *sql.Tx, t table, from, to, size int, progress Progress) error {
	marks := "(" + strings.TrimSuffix(strings.Repeat("?,", len(t.columns)), ",") + "),"
	// #nosec G202 -- names of our own
	text := "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ",") + ") VALUES " + strings.TrimSuffix(
		strings.Repeat(marks, size), ",",
	)
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
			reportProgress(progress, t, n+i+1)
		}
	}
	return nil
}
