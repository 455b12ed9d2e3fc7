package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"time"

	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/database/internal/fault"
	"healthcare/platform/database/internal/sqlite"
)

// source is one moment of a SQLite database, whoever writes to it meanwhile.
type source struct {
	reader
	pool    *sql.DB
	witness *sql.Conn // outside of the snapshot: it sees that others write
	seen    int64     // what it saw at that moment
	at      time.Time
}

// reader asks one connection.
type reader struct{ conn *sql.Conn }

// openFile opens a SQLite file that is there, and changes neither it nor how it keeps its journal.
func openFile(path string, more url.Values) (*sql.DB, error) {
	if err := (database.Config{Path: path}).Find(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return sql.Open("sqlite", sqlite.Address(path, 10*time.Second, more))
}

// openSource waits for the writer of the moment, for ten seconds at most, so that what its witness has seen is what the snapshot holds.
func openSource(ctx context.Context, path string, clock clock.Clock) (s *source, err error) {
	pool, err := openFile(path, url.Values{"mode": {"rw"}})
	if err != nil {
		return nil, err
	}
	s = &source{pool: pool}
	defer func() {
		if err != nil {
			err = fmt.Errorf("SQLite (%s): %w", path, errors.Join(fault.Explain(err), s.close()))
		}
	}()
	if s.witness, err = pool.Conn(ctx); err != nil {
		return s, err
	}
	if s.conn, err = pool.Conn(ctx); err != nil {
		return s, err
	}
	return s, s.withWriteLock(ctx, func(seen int64) error {
		s.seen, s.at = seen, clock.Now()
		if err := s.execute(ctx, "PRAGMA query_only = 1", "BEGIN"); err != nil {
			return err
		}
		_, err := s.names(ctx, "sqlite_schema") // the first read is the moment
		return err
	})
}

// withWriteLock runs do while no other connection can write.
func (s *source) withWriteLock(ctx context.Context, do func(seen int64) error) error {
	if _, err := s.witness.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fault.Explain(err)
	}
	seen, err := s.sees(ctx)
	if err == nil {
		err = do(seen)
	}
	_, ended := s.witness.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return errors.Join(err, ended)
}

// sees changes whenever somebody else has written (sqlite.org/pragma.html#pragma_data_version).
func (s *source) sees(ctx context.Context) (version int64, err error) {
	err = s.witness.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version)
	return version, fault.Explain(err)
}

func (s *source) close() error { return s.pool.Close() }

func (r reader) execute(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := r.conn.ExecContext(ctx, statement); err != nil {
			return fault.Explain(err)
		}
	}
	return nil
}

// names are those of the tables that are like a pattern of LIKE, which escapes with a backslash.
func (r reader) names(ctx context.Context, like string) ([]string, error) {
	return r.texts(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE ? ESCAPE '\' ORDER BY name`, like)
}

// tables are all but SQLite's own and those that count migrations.
func (r reader) tables(ctx context.Context) ([]string, error) {
	return r.texts(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table'
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE 'goose\_%' ESCAPE '\' ORDER BY name`)
}

func (r reader) columns(ctx context.Context, table string) ([]string, error) {
	return r.texts(ctx, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table)
}

func (r reader) texts(ctx context.Context, query string, arguments ...any) (all []string, err error) {
	err = r.each(ctx, query, arguments, func(values []any) error {
		text, _ := values[0].(string)
		all = append(all, text)
		return nil
	})
	return all, err
}

// versions are the newest migration of each module.
func (r reader) versions(ctx context.Context) (map[string]int64, error) {
	counts, err := r.names(ctx, `goose\_%`)
	versions := map[string]int64{}
	for _, name := range counts {
		var newest int64
		if err := r.conn.QueryRowContext(ctx, "SELECT max(version_id) FROM "+quoted(name)).Scan(&newest); err != nil {
			return nil, fault.Explain(err)
		}
		versions[name] = newest
	}
	return versions, err
}

func (r reader) count(ctx context.Context, table string) (rows int64, err error) {
	err = r.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+quoted(table)).Scan(&rows)
	return rows, fault.Explain(err)
}

// each hands over one row at a time; the values are its own.
func (r reader) each(ctx context.Context, query string, arguments []any, do func(values []any) error) error {
	rows, err := r.conn.QueryContext(ctx, query, arguments...)
	if err != nil {
		return fault.Explain(err)
	}
	next := valuesOf(rows)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		values, err := next()
		if err == nil {
			err = do(values)
		}
		if err != nil {
			return err
		}
	}
	return fault.Explain(rows.Err())
}

// valuesOf reads the row that rows stands at, into values of its own.
func valuesOf(rows *sql.Rows) func() ([]any, error) {
	names, failed := rows.Columns()
	return func() ([]any, error) {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if failed == nil {
			return values, fault.Explain(rows.Scan(into...))
		}
		return nil, failed
	}
}

// isOf refuses a schema that is not the one that migrations alone make.
func (r reader) isOf(ctx context.Context, pristine reader) error {
	has, err := r.versions(ctx)
	if err != nil {
		return err
	}
	wanted, err := pristine.versions(ctx)
	switch {
	case err != nil:
		return err
	case len(has) == 0:
		return errors.New("it holds no database of this program")
	case !maps.Equal(has, wanted):
		return errors.New("its schema is not the one of this program: run healthcare migrate up on it first, or copy with the program that it belongs to")
	}
	return nil
}
