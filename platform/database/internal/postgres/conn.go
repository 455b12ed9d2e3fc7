package postgres

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

	"healthcare/platform/database/internal/fault"
	"healthcare/platform/database/internal/orm"
	"healthcare/platform/database/internal/pool"
)

// connPool runs GORM's statements on pgx connections, which it takes from a pool of database/sql. database/sql itself
// would start a goroutine for each query, copy each value twice, and send BEGIN in a separate round trip.
type connPool struct {
	pool.Bounded
	schema *atomic.Int64 // number of times that a prepared statement was outdated
}

var (
	_ orm.RowReader = connPool{}
	_ orm.RowReader = (*transaction)(nil)
)

// withRawConn calls do with the pgx connection of conn. It closes a connection to a server that no longer accepts
// writes, so that the next connection reaches the new primary.
func withRawConn(conn *sql.Conn, do func(*pgx.Conn) error) error {
	return conn.Raw(func(c any) error {
		server := c.(*stdlib.Conn).Conn()
		err := do(server)
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == fault.ReadOnly {
			ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
			defer cancel()
			err = errors.Join(err, server.Close(ctx))
		}
		return err
	})
}

func (p connPool) with(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer p.Release(conn)
	err = p.withConn(ctx, conn, do)
	if p.checkOutdated(err) {
		return p.withConn(ctx, conn, do) // the server rejected the statement before it had an effect
	}
	return err
}

// QueryContext implements gorm.ConnPool, for the few statements that keep rows open.
func (p connPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	var rows *sql.Rows
	for range 2 {
		if err = p.withConn(ctx, conn, func(*pgx.Conn) error { return nil }); err == nil {
			rows, err = conn.QueryContext(ctx, query, args...)
		}
		if !p.checkOutdated(err) {
			break
		}
	}
	go p.Release(conn)
	return rows, err
}

// ExecContext implements gorm.ConnPool.
func (p connPool) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = p.with(ctx, func(conn *pgx.Conn) error {
		tag, err := conn.Exec(ctx, query, args...)
		result = driver.RowsAffected(tag.RowsAffected())
		return err
	})
	return result, err
}

// WithRows implements orm.RowReader.
func (p connPool) WithRows(ctx context.Context, read func(gorm.Rows) error, query string, args []any) error {
	return p.with(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, query, planned(ctx, args)...)
		return readRows(rows, err, read)
	})
}

// planKey is the context key of PlanForValues.
type planKey struct{}

// PlanForValues returns a context whose queries PostgreSQL plans for the values of their parameters, which takes time.
// By default it may use one plan for all values, which a filter that few rows pass makes slow.
func PlanForValues(ctx context.Context) context.Context {
	return context.WithValue(ctx, planKey{}, true)
}

// planned returns the arguments of a query in the context: an unnamed statement is planned for its values.
func planned(ctx context.Context, args []any) []any {
	if ctx.Value(planKey{}) == nil {
		return args
	}
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
}

// BeginTx implements gorm.ConnPoolBeginner.
func (p connPool) BeginTx(ctx context.Context, options *sql.TxOptions) (gorm.ConnPool, error) {
	if options != nil {
		return nil, errors.New("transactions always have the isolation level of the server")
	}
	conn, err := p.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &transaction{pool: p, conn: conn, ctx: ctx}, nil
}

// transaction is a transaction on its own connection. BEGIN is sent together with its first statement, or not at all if
// the transaction runs no statement.
type transaction struct {
	pool  connPool
	conn  *sql.Conn // nil once the transaction has ended
	ctx   context.Context
	begun bool
}

const begin = "begin"

func (t *transaction) with(do func(*pgx.Conn) error) error {
	if t.conn == nil {
		return sql.ErrTxDone
	}
	run := withRawConn
	if !t.begun {
		run = func(conn *sql.Conn, do func(*pgx.Conn) error) error { return t.pool.withConn(t.ctx, conn, do) }
	}
	err := run(t.conn, do)
	t.pool.checkOutdated(err) // fault.Explain marks the error as transient, so that the whole transaction is retried
	return err
}

// beginWith sends BEGIN and the first statement together, and calls read with the results of the statement.
func (t *transaction) beginWith(
	ctx context.Context, conn *pgx.Conn, query string, args []any, read func(pgx.BatchResults) error,
) error {
	t.begun = true
	var batch pgx.Batch
	batch.Queue(begin)
	batch.Queue(query, args...)
	results := conn.SendBatch(ctx, &batch)
	defer func() { _ = results.Close() }() // returns the error of read again
	if _, err := results.Exec(); err != nil {
		return err
	}
	if err := read(results); err != nil {
		return err
	}
	return results.Close()
}

// ExecContext implements gorm.ConnPool.
func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = t.with(func(conn *pgx.Conn) error {
		if !t.begun {
			return t.beginWith(ctx, conn, query, args, func(results pgx.BatchResults) error {
				tag, err := results.Exec()
				result = driver.RowsAffected(tag.RowsAffected())
				return err
			})
		}
		tag, err := conn.Exec(ctx, query, args...)
		result = driver.RowsAffected(tag.RowsAffected())
		return err
	})
	return result, err
}

// WithRows implements orm.RowReader.
func (t *transaction) WithRows(ctx context.Context, read func(gorm.Rows) error, query string, args []any) error {
	return t.with(func(conn *pgx.Conn) error {
		if !t.begun {
			return t.beginWith(ctx, conn, query, args, func(results pgx.BatchResults) error {
				rows, err := results.Query()
				return readRows(rows, err, read)
			})
		}
		rows, err := conn.Query(ctx, query, planned(ctx, args)...)
		return readRows(rows, err, read)
	})
}

// QueryContext implements gorm.ConnPool, for the few statements that keep rows open.
func (t *transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	rows, err := t.conn.QueryContext(ctx, query, args...)
	t.pool.checkOutdated(err)
	return rows, err
}

// QueryRowContext implements gorm.ConnPool.
func (t *transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := t.begin(ctx); err != nil {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return t.pool.QueryRowContext(ended, query, args...)
	}
	return t.conn.QueryRowContext(ctx, query, args...)
}

// PrepareContext implements gorm.ConnPool.
func (t *transaction) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	return t.conn.PrepareContext(ctx, query)
}

// begin sends BEGIN without a first statement.
func (t *transaction) begin(ctx context.Context) error {
	return t.with(func(conn *pgx.Conn) error {
		if t.begun {
			return nil
		}
		t.begun = true
		_, err := conn.Exec(ctx, begin)
		return err
	})
}

// Commit implements gorm.TxCommitter. Errors: those of the driver, after which the outcome may be unknown;
// pgx.ErrTxCommitRollback.
func (t *transaction) Commit() error {
	return t.end(func(conn *pgx.Conn) error {
		tag, err := conn.Exec(t.ctx, "commit")
		if err == nil && tag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		return err
	})
}

// rollbackTimeout limits a rollback, whose transaction may already have timed out.
const rollbackTimeout = 100 * time.Millisecond

// Rollback implements gorm.TxCommitter.
func (t *transaction) Rollback() error {
	return t.end(func(conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), rollbackTimeout)
		defer cancel()
		_, err := conn.Exec(ctx, "rollback")
		return err
	})
}

// end calls do and releases the connection. It closes a connection whose transaction may still be open.
func (t *transaction) end(do func(*pgx.Conn) error) error {
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
		t.pool.Release(t.conn)
		t.conn = nil
	}
	return err
}

// readRows calls read with the rows, and closes them.
func readRows(rows pgx.Rows, err error, read func(gorm.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	// The columns are available only after the first call of Next.
	adapted := &pgxRows{Rows: rows, peeked: true, more: rows.Next()}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := read(adapted); err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

// pgxRows adapts pgx's rows to gorm.Rows.
type pgxRows struct {
	pgx.Rows
	peeked bool // Next was called before the reader called it;
	more   bool // the result of that call
}

// Columns implements gorm.Rows.
func (r *pgxRows) Columns() ([]string, error) {
	fields := r.FieldDescriptions()
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names, nil
}

// ColumnTypes implements gorm.Rows. It is unused, because pgx converts the types itself.
func (r *pgxRows) ColumnTypes() ([]*sql.ColumnType, error) { return nil, nil }

// Next implements gorm.Rows.
func (r *pgxRows) Next() bool {
	if r.peeked {
		r.peeked = false
		return r.more
	}
	return r.Rows.Next()
}

// Close implements gorm.Rows. readRows closes the rows.
func (r *pgxRows) Close() error { return nil }
