package transfer

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthcare/platform/database/internal/fault"
)

// rowStream reads the rows of one table for pgx.CopyFrom, one at a time. It computes their checksum before it converts
// them.
type rowStream struct {
	table  *Table
	rows   *sql.Rows
	scan   func() ([]any, error)
	onRow  func(rows int64) error
	digest digest
	values []any
	err    error // contains no value, because pgx sends it to the server, which may log it
}

// Next implements pgx.CopyFromSource.
func (s *rowStream) Next() bool {
	if s.err != nil {
		return false
	}
	if !s.rows.Next() {
		s.err = fault.Explain(s.rows.Err())
		return false
	}
	s.values, s.err = s.read()
	return s.err == nil
}

func (s *rowStream) read() ([]any, error) {
	values, err := s.scan()
	if err != nil {
		return nil, err
	}
	if err := s.digest.add(values); err != nil {
		return nil, err
	}
	columns := s.table.columns
	wrong := convertRow(values, func(i int, v any) (any, bool) { return columns[i].toPostgres(v) })
	if wrong >= 0 {
		return nil, fmt.Errorf("%s.%s: row %d has a value that the PostgreSQL column cannot hold",
			s.table.Name, columns[wrong].name, s.digest.rows)
	}
	return values, s.onRow(s.digest.rows)
}

// Values implements pgx.CopyFromSource.
func (s *rowStream) Values() ([]any, error) { return s.values, nil }

// Err implements pgx.CopyFromSource.
func (s *rowStream) Err() error { return s.err }

// sendRows sends all rows of a table to the target and returns their checksum in the source. Rows that migrations
// inserted into the target are updated, so that the table's triggers run: they allow a head of the audit trail to
// advance, and no other change.
func sendRows(
	ctx context.Context, from *source, to *target, table *Table, onRow func(rows int64) error,
) (*digest, error) {
	rows, err := from.conn.QueryContext(ctx, table.query())
	if err != nil {
		return nil, fault.Explain(err)
	}
	defer func() { _ = rows.Close() }()
	stream := &rowStream{table: table, rows: rows, scan: rowScanner(rows), onRow: onRow}
	if table.seeded > 0 {
		err = to.upsert(ctx, stream)
	} else {
		names := make([]string, len(table.columns))
		for i, c := range table.columns {
			names[i] = c.name
		}
		_, err = to.conn.CopyFrom(ctx, pgx.Identifier{table.Name}, names, stream)
	}
	if stream.err != nil {
		err = stream.err
	}
	return &stream.digest, fault.Explain(err)
}

// upsert inserts the rows of the stream, or updates the rows with the same primary key.
func (t *target) upsert(ctx context.Context, stream *rowStream) error {
	table := stream.table
	key, err := queryColumn[string](ctx, t,
		`SELECT attname::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
		WHERE indrelid = to_regclass($1) AND indisprimary`, quoted(table.Name))
	if err != nil {
		return err
	}
	parameter := 0
	statement := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s",
		quoted(table.Name),
		columnList(table.columns),
		list(table.columns, func(column) string { parameter++; return fmt.Sprintf("$%d", parameter) }),
		pgx.Identifier(key).Sanitize(),
		list(table.columns, func(c column) string { return quoted(c.name) + " = excluded." + quoted(c.name) }))
	for stream.Next() {
		if _, err := t.conn.Exec(ctx, statement, stream.values...); err != nil {
			return err
		}
	}
	return stream.err
}
