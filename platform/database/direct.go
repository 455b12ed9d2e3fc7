package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"
)

// direct is what GORM runs its statements on PostgreSQL on: connections of database/sql's pool, with pgx itself speaking on them. database/sql would
// start a goroutine for each query, copy each value twice, and send BEGIN as a message that waits for its answer.
type direct struct {
	bounded
	schema *atomic.Int64 // how often a prepared statement was found stale
}

// lender is a pool or a transaction that lends the rows of a query. Errors: the driver's, and that of read.
type lender interface {
	lend(ctx context.Context, read func(gorm.Rows) error, query string, args []any) error
}

// raw lends pgx's own connection. One to a server that takes no writes any more is closed: the next one reaches the new primary.
func raw(conn *sql.Conn, do func(*pgx.Conn) error) error {
	return conn.Raw(func(c any) error {
		server := c.(*stdlib.Conn).Conn()
		err := do(server)
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == readOnly {
			ctx, cancel := context.WithTimeout(context.Background(), undoing)
			defer cancel()
			err = errors.Join(err, server.Close(ctx))
		}
		return err
	})
}

func (d direct) with(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer d.release(conn)
	err = d.fresh(ctx, conn, do)
	if d.stale(err) {
		return d.fresh(ctx, conn, do) // the server has refused it before it did anything
	}
	return err
}

// QueryContext implements gorm.ConnPool, for the few that keep rows open.
func (d direct) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	conn, err := d.acquire(ctx)
	if err != nil {
		return nil, err
	}
	var rows *sql.Rows
	for range 2 {
		if err = d.fresh(ctx, conn, func(*pgx.Conn) error { return nil }); err == nil {
			rows, err = conn.QueryContext(ctx, query, args...)
		}
		if !d.stale(err) {
			break
		}
	}
	go d.release(conn)
	return rows, err
}

// ExecContext implements gorm.ConnPool.
func (d direct) ExecContext(ctx context.Context, query string, args ...any) (done sql.Result, err error) {
	err = d.with(ctx, func(conn *pgx.Conn) error {
		tag, err := conn.Exec(ctx, query, args...)
		done = driver.RowsAffected(tag.RowsAffected())
		return err
	})
	return done, err
}

func (d direct) lend(ctx context.Context, read func(gorm.Rows) error, query string, args []any) error {
	return d.with(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, query, args...)
		return lend(rows, err, read)
	})
}

// BeginTx implements gorm.ConnPoolBeginner.
func (d direct) BeginTx(ctx context.Context, options *sql.TxOptions) (gorm.ConnPool, error) {
	if options != nil {
		return nil, errors.New("transactions have one isolation level, the server's")
	}
	conn, err := d.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &directTx{pool: d, conn: conn, ctx: ctx}, nil
}

// directTx is a transaction on a connection of its own. BEGIN travels with its first statement, and not at all without one.
type directTx struct {
	pool  direct
	conn  *sql.Conn // nil once the transaction is over
	ctx   context.Context
	begun bool
}

const begin = "begin"

func (t *directTx) with(do func(*pgx.Conn) error) error {
	if t.conn == nil {
		return sql.ErrTxDone
	}
	run := raw
	if !t.begun {
		run = func(conn *sql.Conn, do func(*pgx.Conn) error) error { return t.pool.fresh(t.ctx, conn, do) }
	}
	err := run(t.conn, do)
	t.pool.stale(err) // explain calls it transient, so the whole transaction runs again
	return err
}

// first sends BEGIN and the first statement together.
func (t *directTx) first(ctx context.Context, conn *pgx.Conn, query string, args []any, answer func(pgx.BatchResults) error) error {
	t.begun = true
	var both pgx.Batch
	both.Queue(begin)
	both.Queue(query, args...)
	answers := conn.SendBatch(ctx, &both)
	defer func() { _ = answers.Close() }() // says again what answer has heard
	if _, err := answers.Exec(); err != nil {
		return err
	}
	if err := answer(answers); err != nil {
		return err
	}
	return answers.Close()
}

// ExecContext implements gorm.ConnPool.
func (t *directTx) ExecContext(ctx context.Context, query string, args ...any) (done sql.Result, err error) {
	err = t.with(func(conn *pgx.Conn) error {
		if !t.begun {
			return t.first(ctx, conn, query, args, func(answers pgx.BatchResults) error {
				tag, err := answers.Exec()
				done = driver.RowsAffected(tag.RowsAffected())
				return err
			})
		}
		tag, err := conn.Exec(ctx, query, args...)
		done = driver.RowsAffected(tag.RowsAffected())
		return err
	})
	return done, err
}

func (t *directTx) lend(ctx context.Context, read func(gorm.Rows) error, query string, args []any) error {
	return t.with(func(conn *pgx.Conn) error {
		if !t.begun {
			return t.first(ctx, conn, query, args, func(answers pgx.BatchResults) error {
				rows, err := answers.Query()
				return lend(rows, err, read)
			})
		}
		rows, err := conn.Query(ctx, query, args...)
		return lend(rows, err, read)
	})
}

// QueryContext implements gorm.ConnPool, for the few that keep rows open.
func (t *directTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	rows, err := t.conn.QueryContext(ctx, query, args...)
	t.pool.stale(err)
	return rows, err
}

// QueryRowContext implements gorm.ConnPool.
func (t *directTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := t.begin(ctx); err != nil {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return t.pool.QueryRowContext(ended, query, args...)
	}
	return t.conn.QueryRowContext(ctx, query, args...)
}

// PrepareContext implements gorm.ConnPool.
func (t *directTx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	return t.conn.PrepareContext(ctx, query)
}

// begin begins without a first statement.
func (t *directTx) begin(ctx context.Context) error {
	return t.with(func(conn *pgx.Conn) error {
		if t.begun {
			return nil
		}
		t.begun = true
		_, err := conn.Exec(ctx, begin)
		return err
	})
}

// Commit implements gorm.TxCommitter. Errors: the driver's, after which whether it was committed may be unknown; pgx.ErrTxCommitRollback.
func (t *directTx) Commit() error {
	return t.end(func(conn *pgx.Conn) error {
		tag, err := conn.Exec(t.ctx, "commit")
		if err == nil && tag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		return err
	})
}

// undoing is how long a rollback may take when its transaction's time is over.
const undoing = 100 * time.Millisecond

// Rollback implements gorm.TxCommitter.
func (t *directTx) Rollback() error {
	return t.end(func(conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), undoing)
		defer cancel()
		_, err := conn.Exec(ctx, "rollback")
		return err
	})
}

// end gives the connection back, and closes it where the transaction may still be open on it.
func (t *directTx) end(do func(*pgx.Conn) error) error {
	err := t.with(func(conn *pgx.Conn) error {
		if !t.begun {
			return nil
		}
		err := do(conn)
		if err != nil && conn.PgConn().TxStatus() != 'I' {
			err = errors.Join(err, conn.Close(t.ctx))
		}
		return err
	})
	if t.conn != nil {
		t.pool.release(t.conn)
		t.conn = nil
	}
	return err
}

// lend has read look at the rows, and closes them.
func lend(rows pgx.Rows, err error, read func(gorm.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	lent := &lentRows{Rows: rows, ahead: true, more: rows.Next()} // which columns there are is known only now
	if err := rows.Err(); err != nil {
		return err
	}
	if err := read(lent); err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

// lentRows are pgx's as GORM knows rows.
type lentRows struct {
	pgx.Rows
	ahead bool // the first row has been looked for,
	more  bool // and is there
}

// Columns implements gorm.Rows.
func (r *lentRows) Columns() ([]string, error) {
	fields := r.FieldDescriptions()
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names, nil
}

// ColumnTypes implements gorm.Rows: what a column holds, pgx knows by itself.
func (r *lentRows) ColumnTypes() ([]*sql.ColumnType, error) { return nil, nil }

// Next implements gorm.Rows.
func (r *lentRows) Next() bool {
	if r.ahead {
		r.ahead = false
		return r.more
	}
	return r.Rows.Next()
}

// Close implements gorm.Rows. Who lends closes.
func (r *lentRows) Close() error { return nil }
