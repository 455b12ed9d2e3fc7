package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"regexp"
	"time"

	"gorm.io/gorm"

	"healthcare/platform/database/internal/fault"
	"healthcare/platform/database/internal/pool"
)

// Limits of a group: after either, it commits although other transactions wait.
const (
	maxMembers   = 64
	maxGroupTime = 5 * time.Millisecond
)

// errLost is the result of the members of a group whose transaction SQLite rolled back because of a later member:
// SQLite does so for some errors, and for an interrupted statement.
var errLost = fault.Unavailable(&fault.Error{Text: "sqlite: the group was rolled back", Transient: true})

// Writer is the pool of the only writing connection. Transactions that wait for it share a flush: each one is a
// savepoint of one outer transaction. A member that has run its steps queues for the connection once more, behind all
// that already wait. The first member to get it again commits for all. A lone writer gets it at once.
type Writer struct {
	pool.Bounded
	groupTime time.Duration
	group     *group // the open group, nil without one; accessed by the owner of the connection only
}

// group is an outer transaction.
type group struct {
	conn    *sql.Conn
	started time.Time
	members int           // savepoints that succeeded
	done    chan struct{} // closed at the end of the outer transaction
	err     error         // the result of all members; read it after done
}

// NewWriter returns the pool of the writing connection. Callers wait for it for at most limit, see pool.New.
func NewWriter(db *sql.DB, limit time.Duration) *Writer {
	return &Writer{Bounded: pool.New(db, 1, limit), groupTime: maxGroupTime}
}

// BeginTx implements gorm.ConnPoolBeginner.
func (w *Writer) BeginTx(ctx context.Context, _ *sql.TxOptions) (gorm.ConnPool, error) {
	if err := w.Enter(ctx); err != nil {
		return nil, err
	}
	if w.group == nil {
		if err := w.open(ctx); err != nil {
			w.Leave()
			return nil, err
		}
	}
	// The savepoint must not end before its member: database/sql would roll it back in another goroutine.
	tx, err := w.group.conn.BeginTx(context.WithValue(context.WithoutCancel(ctx), savepointKey{}, true), nil)
	if err != nil {
		w.commit()
		w.Leave()
		return nil, err
	}
	return &member{Tx: tx, ctx: ctx, writer: w}, nil
}

// open begins an outer transaction.
func (w *Writer) open(ctx context.Context) error {
	conn, err := w.Conn(ctx)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // if it began nevertheless
		return errors.Join(err, conn.Close())
	}
	w.group = &group{conn: conn, started: time.Now(), done: make(chan struct{})}
	return nil
}

// commit ends the outer transaction, if one is open.
func (w *Writer) commit() {
	if w.group != nil {
		_, err := w.group.conn.ExecContext(context.Background(), "COMMIT")
		w.end(err)
	}
}

// end ends the group with the result of its outer transaction.
func (w *Writer) end(err error) {
	g := w.group
	if err != nil {
		_, _ = g.conn.ExecContext(context.Background(), "ROLLBACK") // fails if SQLite has done so
	}
	w.group, g.err = nil, err
	_ = g.conn.Close()
	close(g.done)
}

// shareable matches the statements that can be a member of a group.
var shareable = regexp.MustCompile(`^\s*(?i:INSERT|UPDATE|DELETE)\b`)

// ExecContext implements gorm.ConnPool. A change is a transaction of one statement; other statements run outside of
// transactions.
func (w *Writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if !shareable.MatchString(query) {
		conn, err := w.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer w.Release(conn)
		return conn.ExecContext(ctx, query, args...)
	}
	for {
		tx, err := w.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		m := tx.(*member)
		result, err := m.Tx.ExecContext(ctx, query, args...)
		if err != nil {
			_ = m.Rollback()
			return nil, err
		}
		if err = m.Commit(); !errors.Is(err, errLost) {
			return result, err
		}
	}
}

// QueryContext implements gorm.ConnPool.
func (w *Writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	conn, err := w.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.QueryContext(ctx, query, args...)
	go w.Release(conn)
	return rows, err
}

// Acquire takes the connection without an open group. Errors: those of pool.Bounded.
func (w *Writer) Acquire(ctx context.Context) (*sql.Conn, error) {
	if err := w.Enter(ctx); err != nil {
		return nil, err
	}
	w.commit()
	conn, err := w.Conn(ctx)
	if err != nil {
		w.Leave()
	}
	return conn, err
}

// member is a transaction of a group.
type member struct {
	*sql.Tx
	ctx    context.Context //nolint:containedctx // of the transaction, as in sql.Tx
	writer *Writer
	ended  bool
}

// Commit implements gorm.TxCommitter. It returns after the outer transaction has ended.
func (m *member) Commit() error {
	if m.ended {
		return sql.ErrTxDone
	}
	if err := m.ctx.Err(); err != nil {
		return errors.Join(err, m.Rollback())
	}
	m.ended = true
	w := m.writer
	g := w.group
	if err := m.Tx.Commit(); err != nil { // the savepoint does not exist: SQLite has rolled back everything
		w.end(errLost)
		w.Leave()
		return err
	}
	g.members++
	if g.members < maxMembers && time.Since(g.started) < w.groupTime {
		w.Leave()
		if !w.EnterUnless(g.done) {
			return g.err
		}
	}
	if w.group == g {
		w.commit()
	}
	w.Leave()
	return g.err
}

// Rollback implements gorm.TxCommitter.
func (m *member) Rollback() error {
	if m.ended {
		return sql.ErrTxDone
	}
	m.ended = true
	w := m.writer
	defer w.Leave() // to an earlier member at the latest, which commits
	if err := m.Tx.Rollback(); err != nil || w.group.members == 0 {
		w.end(errLost)
	}
	return nil
}

// savepointKey is the context key by which BeginTx of a connection begins a savepoint.
type savepointKey struct{}

// BeginTx implements driver.ConnBeginTx.
func (c *cachingConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if ctx.Value(savepointKey{}) == nil {
		return c.sqliteConn.BeginTx(ctx, options)
	}
	_, err := c.sqliteConn.ExecContext(ctx, "SAVEPOINT member", nil)
	return savepoint{c}, err
}

// savepoint is a transaction inside the outer transaction.
type savepoint struct{ conn *cachingConn }

// Commit implements driver.Tx.
func (s savepoint) Commit() error {
	_, err := s.conn.sqliteConn.ExecContext(context.Background(), "RELEASE member", nil)
	return err
}

// Rollback implements driver.Tx.
func (s savepoint) Rollback() error {
	_, err := s.conn.sqliteConn.ExecContext(context.Background(), "ROLLBACK TO member; RELEASE member", nil)
	return err
}
