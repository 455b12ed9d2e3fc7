package database

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
)

// unitKey finds the unit of work that a context belongs to: how many transactions are open in it.
type unitKey struct{}

// WithRequest returns ctx as that of one request, whose steps run one after the other. While a transaction of the request is
// open, using the store with a context that does not carry the transaction is an error: SQLite would wait for itself,
// PostgreSQL would commit that part alone.
func WithRequest(ctx context.Context) context.Context {
	return context.WithValue(ctx, unitKey{}, new(atomic.Int32))
}

// enter marks the unit of ctx as one with an open transaction until leave is called.
func enter(ctx context.Context) (leave func()) {
	open, is := ctx.Value(unitKey{}).(*atomic.Int32)
	if !is {
		return func() {}
	}
	open.Add(1)
	return func() { open.Add(-1) }
}

// CheckContext returns an error for developers if ctx is from outside the open transaction of its own request, and nil
// otherwise.
func (db *DB) CheckContext(ctx context.Context) error {
	open, is := ctx.Value(unitKey{}).(*atomic.Int32)
	if !is || open.Load() == 0 || db.open(ctx) != nil {
		return nil
	}
	return fmt.Errorf(
		"database: the context at %s is from outside the transaction that is open: use the one that Do passes to its steps",
		caller(),
	)
}

// caller returns where this package was called from.
func caller() string {
	at := make([]uintptr, 16)
	frames := runtime.CallersFrames(at[:runtime.Callers(3, at)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "healthcare/platform/database.") || !more {
			return fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
	}
}
