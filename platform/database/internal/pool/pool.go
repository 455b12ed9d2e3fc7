// Package pool bounds the time that a statement or a transaction waits for a connection.
package pool

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// Bounded is a pool that serves waiting callers in order and limits their waiting time. If hanging work holds all
// connections, later work is therefore rejected soon instead of hanging, too. In database/sql, one context limits the
// waiting time and the work together, and waiting callers are served in random order, so that a few of them wait many
// times as long as the others.
type Bounded struct {
	*sql.DB
	limit time.Duration
	inUse chan struct{} // one element per connection in use; the runtime serves senders in order
}

// New limits db to a number of connections, and the time that callers wait for a connection. With limit 0, only the
// context limits the waiting time.
func New(db *sql.DB, connections int, limit time.Duration) Bounded {
	db.SetMaxOpenConns(connections)
	return Bounded{db, limit, make(chan struct{}, connections)}
}

// Acquire takes a connection out of the pool. Errors: that of the context, also when the limit has passed; those of
// connecting, which has its own time limit.
func (b Bounded) Acquire(ctx context.Context) (*sql.Conn, error) {
	select {
	case b.inUse <- struct{}{}: // the usual case, without a timer
	default:
		if err := b.wait(ctx); err != nil {
			return nil, err
		}
	}
	conn, err := b.Conn(ctx)
	if err != nil {
		<-b.inUse
	}
	return conn, err
}

func (b Bounded) wait(ctx context.Context) error {
	if b.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, b.limit)
		defer cancel()
	}
	select {
	case b.inUse <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Release returns a connection to the pool. It waits until the rows and transactions of the connection are closed.
func (b Bounded) Release(conn *sql.Conn) {
	_ = conn.Close()
	<-b.inUse
}

// ExecContext implements gorm.ConnPool.
func (b Bounded) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	conn, err := b.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer b.Release(conn)
	return conn.ExecContext(ctx, query, args...)
}

// QueryContext implements gorm.ConnPool.
func (b Bounded) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	conn, err := b.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.QueryContext(ctx, query, args...)
	go b.Release(conn)
	return rows, err
}

// BeginTx implements gorm.ConnPoolBeginner.
func (b Bounded) BeginTx(ctx context.Context, options *sql.TxOptions) (gorm.ConnPool, error) {
	conn, err := b.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, options)
	if err != nil {
		b.Release(conn)
		return nil, err
	}
	return &boundedTx{tx, func() { b.Release(conn) }}, nil
}

// boundedTx releases its connection at the end of the transaction, without a goroutine that waits for the end.
type boundedTx struct {
	*sql.Tx
	release func() // nil after the end of the transaction
}

// Commit implements gorm.TxCommitter.
func (t *boundedTx) Commit() error { return t.end(t.Tx.Commit()) }

// Rollback implements gorm.TxCommitter.
func (t *boundedTx) Rollback() error { return t.end(t.Tx.Rollback()) }

func (t *boundedTx) end(err error) error {
	if t.release != nil {
		t.release()
		t.release = nil
	}
	return err
}

// GetDBConn implements gorm.GetDBConnector: it returns the unbounded pool, for work outside requests.
func (b Bounded) GetDBConn() (*sql.DB, error) { return b.DB, nil }
