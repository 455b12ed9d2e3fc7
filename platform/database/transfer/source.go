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

// source is a snapshot of a SQLite database to which other connections may write.
type source struct {
	reader
	pool    *sql.DB
	monitor *sql.Conn // outside of the snapshot, so that it detects writes
	version int64     // the data version of the snapshot
	at      time.Time
}

// reader runs queries on one connection.
type reader struct{ conn *sql.Conn }

// openFile opens an existing SQLite file. It changes neither the file nor its journal mode.
func openFile(path string, parameters url.Values) (*sql.DB, error) {
	if err := (database.Config{Path: path}).CheckFile(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return sql.Open("sqlite", sqlite.Address(path, 10*time.Second, parameters))
}

// openSource opens a snapshot. It waits at most ten seconds for a running write transaction, so that the snapshot has
// the recorded data version.
func openSource(ctx context.Context, path string, clk clock.Clock) (s *source, err error) {
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
	if s.monitor, err = pool.Conn(ctx); err != nil {
		return s, err
	}
	if s.conn, err = pool.Conn(ctx); err != nil {
		return s, err
	}
	return s, s.withWriteLock(ctx, func(version int64) error {
		s.version, s.at = version, clk.Now()
		if err := s.execute(ctx, "PRAGMA query_only = 1", "BEGIN"); err != nil {
			return err
		}
		_, err := s.tables(ctx) // the first read starts the snapshot
		return err
	})
}

// withWriteLock calls do with the data version while no other connection can write.
func (s *source) withWriteLock(ctx context.Context, do func(version int64) error) error {
	if _, err := s.monitor.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fault.Explain(err)
	}
	version, err := s.dataVersion(ctx)
	if err == nil {
		err = do(version)
	}
	_, rollbackErr := s.monitor.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return errors.Join(err, rollbackErr)
}

// dataVersion returns a number that changes with each write of another connection
// (sqlite.org/pragma.html#pragma_data_version).
func (s *source) dataVersion(ctx context.Context) (version int64, err error) {
	err = s.monitor.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version)
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

// tables returns the names of all tables except SQLite's own and goose's.
func (r reader) tables(ctx context.Context) ([]string, error) {
	return r.texts(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table'
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE 'goose\_%' ESCAPE '\' ORDER BY name`)
}

func (r reader) columns(ctx context.Context, table string) ([]string, error) {
	return r.texts(ctx, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table)
}

// texts returns the first column of all rows.
func (r reader) texts(ctx context.Context, query string, arguments ...any) (all []string, err error) {
	err = r.each(ctx, query, arguments, func(values []any) error {
		text, _ := values[0].(string)
		all = append(all, text)
		return nil
	})
	return all, err
}

// versions returns the newest migration of each module, by the name of its goose table.
func (r reader) versions(ctx context.Context) (map[string]int64, error) {
	names, err := r.texts(ctx,
		`SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'goose\_%' ESCAPE '\'`)
	versions := map[string]int64{}
	for _, name := range names {
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

// each calls do for each row, which may keep the values.
func (r reader) each(ctx context.Context, query string, arguments []any, do func(values []any) error) error {
	rows, err := r.conn.QueryContext(ctx, query, arguments...)
	if err != nil {
		return fault.Explain(err)
	}
	defer func() { _ = rows.Close() }()
	scan := rowScanner(rows)
	for rows.Next() {
		values, err := scan()
		if err == nil {
			err = do(values)
		}
		if err != nil {
			return err
		}
	}
	return fault.Explain(rows.Err())
}

// rowScanner returns a function that reads the current row of rows into a new slice.
func rowScanner(rows *sql.Rows) func() ([]any, error) {
	names, err := rows.Columns()
	return func() ([]any, error) {
		if err != nil {
			return nil, err
		}
		values, pointers := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			pointers[i] = &values[i]
		}
		return values, fault.Explain(rows.Scan(pointers...))
	}
}

// checkVersions returns an error if the database does not have exactly the migrations of this program.
func (r reader) checkVersions(ctx context.Context, pristine reader) error {
	versions, err := r.versions(ctx)
	if err != nil {
		return err
	}
	expected, err := pristine.versions(ctx)
	switch {
	case err != nil:
		return err
	case len(versions) == 0:
		return errors.New("it is not a database of this program")
	case !maps.Equal(versions, expected):
		return errors.New("its schema belongs to another release: run healthcare migrate up on it first, " +
			"or copy it with the program of that release")
	}
	return nil
}
