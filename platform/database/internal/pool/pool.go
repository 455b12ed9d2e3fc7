// Package pool bounds the time that a statement or a transaction waits for a connection.
package pool

import (
	"context"
	"database/sql"
	"time"
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
	if err := b.Enter(ctx); err != nil {
		return nil, err
	}
	conn, err := b.Conn(ctx)
	if err != nil {
		b.Leave()
	}
	return conn, err
}

// Enter waits for the right to use a connection, until Leave. Errors: that of the context, also when the limit has
// passed.
func (b Bounded) Enter(ctx context.Context) error {
	select {
	case b.inUse <- struct{}{}: // the usual case, without a timer
		return nil
	default:
		return b.wait(ctx)
	}
}

// EnterUnless is Enter without a limit. It returns false if done is closed first.
func (b Bounded) EnterUnless(done <-chan struct{}) bool {
	select {
	case b.inUse <- struct{}{}:
		return true
	case <-done:
		return false
	}
}

// Leave lets the next waiting caller use a connection.
func (b Bounded) Leave() { <-b.inUse }

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
	b.Leave()
}

// GetDBConn implements gorm.GetDBConnector: it returns the unbounded pool, for work outside requests.
func (b Bounded) GetDBConn() (*sql.DB, error) { return b.DB, nil }
