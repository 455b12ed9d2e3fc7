// Package tx is the transaction port that use cases hold. platform/database implements it; it depends on nothing.
package tx

import "context"

// Runner runs a use case's steps as one transaction.
type Runner interface {
	// Do runs steps in one transaction, which their context carries. All changes made with that context commit together
	// if steps returns nil, and are rolled back if it returns an error or panics. Inside an open transaction Do joins
	// it. After a serialization failure, a deadlock or a lock timeout the store rolls back and runs steps again, at
	// most three times in all, so steps must not keep results of an earlier run.
	//
	// Errors: those of steps, unchanged; errs.Unavailable if the store cannot begin or commit.
	Do(ctx context.Context, steps func(ctx context.Context) error) error
}
