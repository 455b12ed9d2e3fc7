package database

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

// attempts is how often a transaction is tried in all before the client is told to come back (TRUST.md 3.6).
const attempts = 3

type txKey struct{ db *DB }

// open is the transaction in ctx, nil when there is none.
func (db *DB) open(ctx context.Context) *gorm.DB {
	tx, _ := ctx.Value(txKey{db}).(*gorm.DB)
	return tx
}

// InTransaction reports whether a transaction is open in ctx, so that what is done with ctx is part of it.
func (db *DB) InTransaction(ctx context.Context) bool { return db.open(ctx) != nil }

// Do implements tx.Runner.
func (db *DB) Do(ctx context.Context, steps func(ctx context.Context) error) error {
	if db.open(ctx) != nil {
		return steps(ctx)
	}
	for attempt := 1; ; attempt++ {
		err := db.writer.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			return steps(context.WithValue(ctx, txKey{db}, tx))
		})
		if attempt == attempts || !retryable(err) || ctx.Err() != nil {
			return err
		}
		jitter := time.Duration(1+rand.IntN(20*attempt)) * time.Millisecond // #nosec G404 -- spreads retries, guards nothing
		time.Sleep(jitter)
	}
}

// retryable says that the store itself undid the transaction and that running it again may succeed.
func retryable(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.transient
}
