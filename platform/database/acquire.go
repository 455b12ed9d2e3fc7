package database

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// bounded is a pool that lets nobody wait for a connection longer than its limit: when all are taken by work that hangs, what comes after is
// refused soon instead of hanging as well. database/sql bounds the wait only together with the work, by one context.
type bounded struct {
	*sql.DB
	limit time.Duration
}

// within is what GORM runs its statements on: the pool, or with a limit a bounded one.
func within(pool *sql.DB, limit time.Duration) gorm.ConnPool {
	if limit == 0 {
		return pool
	}
	return bounded{pool, limit}
}

// acquire takes a connection out of the pool. Errors: the context's, when limit is over; those of connecting.
func (b bounded) acquire(ctx context.Context) (*sql.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	return b.Conn(ctx)
}

// giveBack returns a connection to the pool once what was begun on it is over: Close waits for rows and transactions.
func giveBack(conn *sql.Conn) { go func() { _ = conn.Close() }() }

// ExecContext implements gorm.ConnPool.
func (b bounded) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	conn, err := b.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.ExecContext(ctx, query, args...)
}

// QueryContext implements gorm.ConnPool.
func (b bounded) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	conn, err := b.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer giveBack(conn)
	return conn.QueryContext(ctx, query, args...)
}

// BeginTx implements gorm.TxBeginner.
func (b bounded) BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error) {
	conn, err := b.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer giveBack(conn)
	return conn.BeginTx(ctx, options)
}
