package database

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
)

// requestKey is the context key of a request's number of open transactions.
type requestKey struct{}

// WithRequest returns ctx as the context of one request, whose steps run one after the other. While a transaction of
// the request is open, using the store with a context that does not carry it is an error. SQLite would wait for itself,
// and PostgreSQL would commit that part alone.
func WithRequest(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, new(atomic.Int32))
}

// enter counts an open transaction in the request of ctx until leave is called.
func enter(ctx context.Context) (leave func()) {
	open, ok := ctx.Value(requestKey{}).(*atomic.Int32)
	if !ok {
		return func() {}
	}
	open.Add(1)
	return func() { open.Add(-1) }
}

// CheckContext returns an error for developers if the request of ctx has an open transaction that ctx does not carry.
func (db *DB) CheckContext(ctx context.Context) error {
	open, ok := ctx.Value(requestKey{}).(*atomic.Int32)
	if !ok || open.Load() == 0 || db.InTransaction(ctx) {
		return nil
	}
	return fmt.Errorf(
		"database: the context at %s is from outside the open transaction: use the one that Do passes to its steps",
		caller(),
	)
}

// caller returns the function and line that called this package.
func caller() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "healthcare/platform/database.") || !more {
			return fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
	}
}
