// Package pool bounds the time that a statement or a transaction waits for a connection.
package pool

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// Bounded is a pool whose connections are handed out in the order of the requests for them, within a limit of time.
// When work that hangs holds all of them, later work is rejected soon instead of hanging as well. database/sql bounds
// the wait only together with the work, by one context, and serves those who wait at random, so that a few wait many
// times as long as the rest.
type Bounded struct {
	*sql.DB
	limit time.Duration
	inUse chan struct{} // an element for each connection in use; senders are served in order
}

// New bounds a pool to a number of connections, and the wait for one; with 0 only the context ends the wait.
func New(db *sql.DB, connections int, limit time.Duration) Bounded {
	db.SetMaxOpenConns(connections)
	return Bounded{db, limit, make(chan struct{}, connections)}
}

// Acquire takes a connection out of the pool. Errors: the context's, also when the limit is over; those of connecting,
// which has a limit of its own.
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

// Release puts a connection back. It waits until rows and transactions on it are closed.
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

// boundedTx releases its connection when it ends, without a goroutine that waits for it.
type boundedTx struct {
	*sql.Tx
	release func() // nil once it has ended
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
