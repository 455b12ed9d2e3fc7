package transfer

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthcare/platform/database/internal/fault"
)

// stream is the rows of one table on their way, one at a time: what pgx.CopyFrom pulls from. It sums what it reads before anything is converted.
type stream struct {
	table   string
	columns []column
	rows    *sql.Rows
	next    func() ([]any, error)
	tick    func(rows int64) error
	read    digest
	values  []any
	failed  error // without a value in it: pgx tells it to the server, whose log it may reach
}

// Next implements pgx.CopyFromSource.
func (s *stream) Next() bool {
	if s.failed != nil || !s.rows.Next() {
		if s.failed == nil {
			s.failed = fault.Explain(s.rows.Err())
		}
		return false
	}
	s.values, s.failed = s.row()
	return s.failed == nil
}

func (s *stream) row() ([]any, error) {
	values, err := s.next()
	if err != nil {
		return nil, err
	}
	if err := s.read.add(values); err != nil {
		return nil, err
	}
	if wrong := convert(values, func(i int, v any) (any, bool) { return s.columns[i].kind.into(v) }); wrong >= 0 {
		return nil, fmt.Errorf("%s.%s: row %d holds what PostgreSQL's column cannot", s.table, s.columns[wrong].name, s.read.rows)
	}
	return values, s.tick(s.read.rows)
}

// Values implements pgx.CopyFromSource.
func (s *stream) Values() ([]any, error) { return s.values, nil }

// Err implements pgx.CopyFromSource.
func (s *stream) Err() error { return s.failed }

// pour sends every row of a table, and tells their checksum as the source has it. Rows that migrations have put into the target are written over, by
// UPDATEs that the table's triggers see: they let a head of the audit trail advance, and nothing else.
func pour(ctx context.Context, from *source, to *target, table string, columns []column, over bool, tick func(int64) error) (*digest, error) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	rows, err := from.conn.QueryContext(ctx, "SELECT "+list(columns, func(c column) string { return quoted(c.name) })+" FROM "+quoted(table)) // #nosec G202 -- names of the schema, quoted
	if err != nil {
		return nil, fault.Explain(err)
	}
	defer func() { _ = rows.Close() }()
	s := &stream{table: table, columns: columns, rows: rows, next: valuesOf(rows), tick: tick}
	if over {
		err = to.write(ctx, s)
	} else {
		_, err = to.conn.CopyFrom(ctx, pgx.Identifier{table}, names, s)
	}
	if s.failed != nil {
		err = s.failed
	}
	return &s.read, fault.Explain(err)
}

// write is the way of a row that may be there already.
func (t *target) write(ctx context.Context, s *stream) error {
	key, err := ask[string](ctx, t, `SELECT attname::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
		WHERE indrelid = to_regclass($1) AND indisprimary`, quoted(s.table))
	if err != nil {
		return err
	}
	at := 0
	statement := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s", quoted(s.table),
		list(s.columns, func(c column) string { return quoted(c.name) }),
		list(s.columns, func(column) string { at++; return fmt.Sprintf("$%d", at) }),
		pgx.Identifier(key).Sanitize(),
		list(s.columns, func(c column) string { return quoted(c.name) + " = excluded." + quoted(c.name) }))
	for s.Next() {
		if _, err := t.conn.Exec(ctx, statement, s.values...); err != nil {
			return err
		}
	}
	return s.failed
}
