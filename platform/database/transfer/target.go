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

// column is a column of a PostgreSQL table.
type column struct {
	name string
	converter
}

// target is the connection to PostgreSQL. All rows are copied in one transaction on it.
type target struct{ conn *pgx.Conn }

// withTarget calls do with a connection of db that has no time limit for statements and idle transactions.
func withTarget(ctx context.Context, db *database.DB, do func(*target) error) error {
	pool, err := db.Write(ctx).DB()
	if err != nil {
		return err
	}
	acquired, err := pool.Conn(ctx)
	if err != nil {
		return fault.Explain(err)
	}
	defer func() { _ = acquired.Close() }()
	return acquired.Raw(func(driver any) error {
		conn, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("transfer: not a connection of pgx")
		}
		t := &target{conn.Conn()}
		if err := t.execute(ctx, "SET statement_timeout = 0", "SET idle_in_transaction_session_timeout = 0",
			"SET lock_timeout = '10s'"); err != nil {
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

// queryColumn returns the values of a query with one column.
func queryColumn[T any](ctx context.Context, t *target, query string, arguments ...any) ([]T, error) {
	rows, err := t.conn.Query(ctx, query, arguments...)
	if err != nil {
		return nil, fault.Explain(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	return all, fault.Explain(err)
}

func (t *target) exists(ctx context.Context, table string) (bool, error) {
	found, err := queryColumn[bool](ctx, t, "SELECT to_regclass($1) IS NOT NULL", quoted(table))
	return err == nil && found[0], err
}

func (t *target) count(ctx context.Context, table string) (int64, error) {
	rows, err := queryColumn[int64](ctx, t, "SELECT count(*) FROM "+quoted(table))
	if err != nil {
		return 0, err
	}
	return rows[0], nil
}

// lock prevents other connections from writing to a table. They can read it.
func (t *target) lock(ctx context.Context, table string) error {
	return t.execute(ctx, "LOCK TABLE "+quoted(table)+" IN EXCLUSIVE MODE")
}

// columns returns the columns of a table in the order of names, the column names in the source. Errors: the schemas
// differ; a type has no converter.
func (t *target) columns(ctx context.Context, table string, names []string) ([]column, error) {
	rows, err := t.conn.Query(ctx, `SELECT attname, atttypid, format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`, quoted(table))
	if err != nil {
		return nil, fault.Explain(err)
	}
	types := map[string]uint32{}
	var name, typeName string
	var id uint32
	if _, err := pgx.ForEachRow(rows, []any{&name, &id, &typeName}, func() error {
		types[name] = id
		if _, ok := converters[id]; !ok {
			return fmt.Errorf("%s.%s is of type %s, which cannot be copied", table, name, typeName)
		}
		return nil
	}); err != nil {
		return nil, fault.Explain(err)
	}
	columns := make([]column, len(names))
	for i, name := range names {
		id, ok := types[name]
		if !ok {
			return nil, fmt.Errorf("PostgreSQL's %s has no column %s", table, name)
		}
		columns[i] = column{name, converters[id]}
	}
	if len(types) != len(names) {
		return nil, fmt.Errorf("SQLite's %s lacks a column that PostgreSQL's has", table)
	}
	return columns, nil
}

// referenced returns the other tables that a table's foreign keys reference.
func (t *target) referenced(ctx context.Context, table string) ([]string, error) {
	return queryColumn[string](ctx, t,
		`SELECT DISTINCT relname::text FROM pg_constraint JOIN pg_class ON pg_class.oid = confrelid
		WHERE contype = 'f' AND conrelid = to_regclass($1) AND confrelid <> conrelid`, quoted(table))
}

// monthlyPartitioning returns the column by which a table is partitioned into months, and the function that creates
// the partition of a month. A table that is partitioned by a timestamptz has the function
// <first word of its name>_ensure_month(timestamptz). Both are "" for any other table.
func (t *target) monthlyPartitioning(ctx context.Context, table string) (by, ensure string, err error) {
	first, _, _ := strings.Cut(table, "_")
	ensure = quoted(first + "_ensure_month")
	found, err := queryColumn[string](ctx, t, `SELECT attname::text
		FROM pg_partitioned_table JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0]
		WHERE partrelid = to_regclass($1) AND partstrat = 'r' AND partnatts = 1 AND atttypid = 'timestamptz'::regtype
		AND to_regprocedure($2) IS NOT NULL`, quoted(table), ensure+"(timestamptz)")
	if err != nil || len(found) == 0 {
		return "", "", err
	}
	return found[0], ensure, nil
}

// advanceSequences makes the identity columns of a table continue after its rows.
func (t *target) advanceSequences(ctx context.Context, table string) error {
	names, err := queryColumn[string](ctx, t, `SELECT attname::text FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
		AND pg_get_serial_sequence($1, attname) IS NOT NULL`, quoted(table))
	if err != nil {
		return err
	}
	for _, name := range names {
		_, err = t.conn.Exec(ctx, fmt.Sprintf(
			"SELECT setval(pg_get_serial_sequence($1, $2), max(%s)) FROM %s HAVING max(%[1]s) IS NOT NULL",
			quoted(name), quoted(table)), quoted(table), name)
		if err != nil {
			return fault.Explain(err)
		}
	}
	return nil
}

// digest reads a table from PostgreSQL and returns the checksum of the values that SQLite would hold.
func (t *target) digest(ctx context.Context, table *Table, onRow func(rows int64) error) (*digest, error) {
	d := &digest{}
	rows, err := t.conn.Query(ctx, table.query())
	if err != nil {
		return nil, fault.Explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", table.Name, errUnreadable)
		}
		wrong := convertRow(values, func(i int, v any) (any, bool) { return table.columns[i].toSQLite(v) })
		if wrong >= 0 {
			return nil, fmt.Errorf("%s.%s: %w", table.Name, table.columns[wrong].name, errUnreadable)
		}
		if err := d.add(values); err != nil {
			return nil, err
		}
		if err := onRow(d.rows); err != nil {
			return nil, err
		}
	}
	return d, fault.Explain(rows.Err())
}

var errUnreadable = errors.New("PostgreSQL returned a value that SQLite cannot hold")

// query returns the statement that reads all rows of the table, on either engine.
func (table *Table) query() string {
	return "SELECT " + columnList(table.columns) + " FROM " + quoted(table.Name)
}

func columnList(columns []column) string {
	return list(columns, func(c column) string { return quoted(c.name) })
}

func list(columns []column, format func(column) string) string {
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = format(c)
	}
	return strings.Join(texts, ", ")
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
