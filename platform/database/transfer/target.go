package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"healthcare/platform/database"
	"healthcare/platform/database/internal/fault"
)

// column is one of a table's on PostgreSQL.
type column struct {
	name string
	kind kind
}

// target is the PostgreSQL side: one connection, and one transaction once begin was called.
type target struct{ conn *pgx.Conn }

// onTarget lends the connection of db, free of the limits that a request's statements have.
func onTarget(ctx context.Context, db *database.DB, do func(*target) error) error {
	pool, err := db.Write(ctx).DB()
	if err != nil {
		return err
	}
	lent, err := pool.Conn(ctx)
	if err != nil {
		return fault.Explain(err)
	}
	defer func() { _ = lent.Close() }()
	return lent.Raw(func(driver any) error {
		conn, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("transfer: not a connection of pgx")
		}
		t := &target{conn.Conn()}
		if err := t.execute(ctx, "SET statement_timeout = 0", "SET idle_in_transaction_session_timeout = 0", "SET lock_timeout = '10s'"); err != nil {
			return err
		}
		return do(t)
	})
}

func (t *target) execute(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := t.conn.Exec(ctx, statement); err != nil {
			return fault.Explain(err)
		}
	}
	return nil
}

func (t *target) begin(ctx context.Context) error { return t.execute(ctx, "BEGIN") }

// ask is the first column of every row of an answer.
func ask[T any](ctx context.Context, t *target, query string, arguments ...any) ([]T, error) {
	rows, err := t.conn.Query(ctx, query, arguments...)
	if err != nil {
		return nil, fault.Explain(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	return all, fault.Explain(err)
}

// there says whether the table exists yet.
func (t *target) there(ctx context.Context, table string) (bool, error) {
	found, err := ask[bool](ctx, t, "SELECT to_regclass($1) IS NOT NULL", quoted(table))
	return err == nil && found[0], err
}

func (t *target) count(ctx context.Context, table string) (int64, error) {
	rows, err := ask[int64](ctx, t, "SELECT count(*) FROM "+quoted(table))
	if err != nil {
		return 0, err
	}
	return rows[0], nil
}

// lock keeps everybody else from writing to a table, and lets them read what it held before.
func (t *target) lock(ctx context.Context, table string) error {
	return t.execute(ctx, "LOCK TABLE "+quoted(table)+" IN EXCLUSIVE MODE")
}

// columns are those of a table by the names that the source has. Errors: the two schemas differ; a type that kinds does not know.
func (t *target) columns(ctx context.Context, table string, names []string) ([]column, error) {
	rows, err := t.conn.Query(ctx, `SELECT attname, atttypid, format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`, quoted(table))
	if err != nil {
		return nil, fault.Explain(err)
	}
	types := map[string]uint32{}
	var name, spelled string
	var id uint32
	if _, err := pgx.ForEachRow(rows, []any{&name, &id, &spelled}, func() error {
		types[name] = id
		if _, known := kinds[id]; !known {
			return fmt.Errorf("%s.%s is of type %s, which cannot be copied", table, name, spelled)
		}
		return nil
	}); err != nil {
		return nil, fault.Explain(err)
	}
	columns := make([]column, len(names))
	for i, name := range names {
		id, there := types[name]
		if !there {
			return nil, fmt.Errorf("PostgreSQL's %s has no column %s", table, name)
		}
		columns[i] = column{name, kinds[id]}
	}
	if len(types) != len(names) {
		return nil, fmt.Errorf("SQLite's %s lacks a column that PostgreSQL's has", table)
	}
	return columns, nil
}

// referenced are the other tables that a table's foreign keys point to.
func (t *target) referenced(ctx context.Context, table string) ([]string, error) {
	return ask[string](ctx, t, `SELECT DISTINCT relname::text FROM pg_constraint JOIN pg_class ON pg_class.oid = confrelid
		WHERE contype = 'f' AND conrelid = to_regclass($1) AND confrelid <> conrelid`, quoted(table))
}

// monthly is the column whose month decides where a row of the table goes, and the function that makes room for one: a table that is partitioned by a
// timestamptz has <its first word>_ensure_month(timestamptz) beside it. "" for every other table.
func (t *target) monthly(ctx context.Context, table string) (by, ensure string, err error) {
	first, _, _ := strings.Cut(table, "_")
	ensure = quoted(first + "_ensure_month")
	found, err := ask[string](ctx, t, `SELECT attname::text FROM pg_partitioned_table JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0]
		WHERE partrelid = to_regclass($1) AND partstrat = 'r' AND partnatts = 1 AND atttypid = 'timestamptz'::regtype
		AND to_regprocedure($2) IS NOT NULL`, quoted(table), ensure+"(timestamptz)")
	if err != nil || len(found) == 0 {
		return "", "", err
	}
	return found[0], ensure, nil
}

// advanceSequences makes the identities of a table go on after the rows that it holds now.
func (t *target) advanceSequences(ctx context.Context, table string) error {
	counted, err := ask[string](ctx, t, `SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
		AND pg_get_serial_sequence($1, attname) IS NOT NULL`, quoted(table))
	for _, name := range counted {
		_, err = t.conn.Exec(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence($1, $2), max(%s)) FROM %s HAVING max(%[1]s) IS NOT NULL",
			quoted(name), quoted(table)), quoted(table), name)
		if err != nil {
			return fault.Explain(err)
		}
	}
	return err
}

// read is the checksum of what a table holds, read from PostgreSQL and taken for what SQLite would hold of it.
func (t *target) read(ctx context.Context, table string, columns []column, tick func(rows int64) error) (*digest, error) {
	d := &digest{}
	rows, err := t.conn.Query(ctx, "SELECT "+list(columns, func(c column) string { return quoted(c.name) })+" FROM "+quoted(table))
	if err != nil {
		return nil, fault.Explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", table, errUnreadable)
		}
		if wrong := convert(values, func(i int, v any) (any, bool) { return columns[i].kind.back(v) }); wrong >= 0 {
			return nil, fmt.Errorf("%s.%s: %w", table, columns[wrong].name, errUnreadable)
		}
		if err := d.add(values); err != nil {
			return nil, err
		}
		if err := tick(d.rows); err != nil {
			return nil, err
		}
	}
	return d, fault.Explain(rows.Err())
}

var errUnreadable = errors.New("PostgreSQL holds what could not have been copied to it")

func list(columns []column, show func(column) string) string {
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = show(c)
	}
	return strings.Join(texts, ", ")
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
