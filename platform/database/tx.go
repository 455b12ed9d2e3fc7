package database

import (
	"context"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"healthcare/platform/database/internal/fault"
)

// maxAttempts bounds the attempts of a transaction, including the first (README.md, "Errors of the store").
const maxAttempts = 3

type txKey struct{ db *DB }

// transaction is an open transaction and the functions to call after its end.
type transaction struct {
	tx    *gorm.DB
	after []func(context.Context) error

	afterCommit []func()
}

// openTx returns the transaction in ctx, nil without one.
func (db *DB) openTx(ctx context.Context) *gorm.DB {
	if t, ok := ctx.Value(txKey{db}).(*transaction); ok {
		return t.tx
	}
	return nil
}

// AfterTransaction calls do after the transaction in ctx commits or rolls back, or at once without a transaction. If
// the transaction is repeated, functions registered by the earlier attempt are discarded. An error of do becomes the
// result of the transaction.
func (db *DB) AfterTransaction(ctx context.Context, do func(context.Context) error) error {
	if t, ok := ctx.Value(txKey{db}).(*transaction); ok {
		t.after = append(t.after, do)
		return nil
	}
	if err := db.CheckContext(ctx); err != nil {
		return err
	}
	return do(ctx)
}

// AfterCommit calls do after the transaction in ctx commits, or at once without a transaction. It does not call do if
// the transaction is rolled back or its outcome is unknown.
func (db *DB) AfterCommit(ctx context.Context, do func()) {
	if t, ok := ctx.Value(txKey{db}).(*transaction); ok {
		t.afterCommit = append(t.afterCommit, do)
		return
	}
	do()
}

// InTransaction reports whether a transaction is open in ctx.
func (db *DB) InTransaction(ctx context.Context) bool { return db.openTx(ctx) != nil }

// Do implements tx.Runner.
func (db *DB) Do(ctx context.Context, steps func(ctx context.Context) error) error {
	if db.InTransaction(ctx) {
		return steps(ctx)
	}
	if err := db.CheckContext(ctx); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		var t transaction
		err := db.attempt(ctx, &t, steps)
		db.full.record(err)
		if attempt == maxAttempts || !fault.IsTransient(err) || ctx.Err() != nil {
			return t.finish(ctx, err)
		}
		jitter := time.Duration(1+rand.IntN(20*attempt)) * time.Millisecond // #nosec G404 -- only spreads retries
		time.Sleep(jitter)
	}
}

// attempt runs steps in one transaction.
func (db *DB) attempt(ctx context.Context, t *transaction, steps func(ctx context.Context) error) error {
	defer enter(ctx)()
	return db.traced(ctx, func(ctx context.Context) error {
		return db.writer.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			t.tx = tx
			return steps(context.WithValue(ctx, txKey{db}, t))
		})
	})
}

// finish calls the functions registered by AfterTransaction. It returns the first of their errors, else err, the result
// of the transaction.
func (t *transaction) finish(ctx context.Context, err error) error {
	if err == nil {
		for _, do := range t.afterCommit {
			do()
		}
	}
	for _, do := range t.after {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return err
}
