package database

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// bounded is a pool for whose connections one waits in the order of coming, and no longer than the limit: when all are taken by work that hangs, what
// comes after is refused soon instead of hanging as well. database/sql bounds the wait only together with the work, by one context, and serves who
// waits at random, so that a few wait many times as long as the rest.
type bounded struct {
	*sql.DB
	limit time.Duration
	taken chan struct{} // one for each connection in use; who waits to put one in is served in order
}

// newBounded bounds a pool to so many connections, and the wait for one; 0 leaves that to the context.
func newBounded(pool *sql.DB, connections int, limit time.Duration) bounded {
	pool.SetMaxOpenConns(connections)
	return bounded{pool, limit, make(chan struct{}, connections)}
}

// acquire takes a connection out of the pool. Errors: the context's, also when limit is over; those of connecting, which has a limit of its own.
func (b bounded) acquire(ctx context.Context) (*sql.Conn, error) {
	select {
	case b.taken <- struct{}{}: // as nearly always, which needs no timer
	default:
		if err := b.wait(ctx); err != nil {
			return nil, err
		}
	}
	conn, err := b.Conn(ctx)
	if err != nil {
		<-b.taken
	}
	return conn, err
}

func (b bounded) wait(ctx context.Context) error {
	if b.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, b.limit)
		defer cancel()
	}
	select {
	case b.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release puts a connection back once what was begun on it is over: Close waits for rows and transactions.
func (b bounded) release(conn *sql.Conn) {
	_ = conn.Close()
	<-b.taken
}

// ExecContext implements gorm.ConnPool.
func (b bounded) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	conn, err := b.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer b.release(conn)
	return conn.ExecContext(ctx, query, args...)
}

// QueryContext implements gorm.ConnPool.
func (b bounded) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	conn, err := b.acquire(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.QueryContext(ctx, query, args...)
	go b.release(conn)
	return rows, err
}

// BeginTx implements gorm.ConnPoolBeginner.
func (b bounded) BeginTx(ctx context.Context, options *sql.TxOptions) (gorm.ConnPool, error) {
	conn, err := b.acquire(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, options)
	if err != nil {
		b.release(conn)
		return nil, err
	}
	return &boundedTx{tx, func() { b.release(conn) }}, nil
}

// boundedTx gives its connection back as it ends, so that whoever waits need not wait for a goroutine that does.
type boundedTx struct {
	*sql.Tx
	release func() // nil once it is over
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

// GetDBConn implements gorm.GetDBConnector: the pool itself, for what is no request.
func (b bounded) GetDBConn() (*sql.DB, error) { return b.DB, nil }
