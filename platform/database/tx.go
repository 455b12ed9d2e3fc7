package database

import (
	"context"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"healthcare/platform/database/internal/fault"
)

// attempts is how often a transaction is tried in all before the client is told to come back (README.md, "Errors of the store").
const attempts = 3

type txKey struct{ db *DB }

// transaction is one that is open, and what waits for its end.
type transaction struct {
	tx    *gorm.DB
	after []func(context.Context) error
}

// open is the transaction in ctx, nil when there is none.
func (db *DB) open(ctx context.Context) *gorm.DB {
	if t, ok := ctx.Value(txKey{db}).(*transaction); ok {
		return t.tx
	}
	return nil
}

// AfterTransaction has do run once the transaction in ctx has ended, committed or undone, but not when it is tried again; without one it runs now. An error of
// do becomes the transaction's answer.
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

// InTransaction reports whether a transaction is open in ctx, so that what is done with ctx is part of it.
func (db *DB) InTransaction(ctx context.Context) bool { return db.open(ctx) != nil }

// Do implements tx.Runner.
func (db *DB) Do(ctx context.Context, steps func(ctx context.Context) error) error {
	if db.open(ctx) != nil {
		return steps(ctx)
	}
	if err := db.CheckContext(ctx); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		var t transaction
		err := db.try(ctx, &t, steps)
		db.space.after(err)
		if attempt == attempts || !fault.IsTransient(err) || ctx.Err() != nil {
			return t.ended(ctx, err)
		}
		jitter := time.Duration(1+rand.IntN(20*attempt)) * time.Millisecond // #nosec G404 -- spreads retries, guards nothing
		time.Sleep(jitter)
	}
}

// try runs steps in one transaction.
func (db *DB) try(ctx context.Context, t *transaction, steps func(ctx context.Context) error) error {
	defer enter(ctx)()
	return db.traced(ctx, func(ctx context.Context) error {
		return db.writer.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			t.tx = tx
			return steps(context.WithValue(ctx, txKey{db}, t))
		})
	})
}

// ended runs what waited for the end. The answer is that of the transaction, or the first error of these.
func (t *transaction) ended(ctx context.Context, answer error) error {
	for _, do := range t.after {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return answer
}
