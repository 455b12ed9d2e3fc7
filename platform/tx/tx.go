// Package tx defines the transaction port of use cases, which platform/database implements.
package tx

import "context"

// Runner runs a use case's steps as one transaction.
type Runner interface {
	// Do runs steps in one transaction, which their context contains. All changes made with that context commit
	// together if steps returns nil, and are rolled back if it returns an error or panics. If ctx already has a
	// transaction, Do joins it. After a serialization failure, a deadlock or a lock timeout the store rolls back and
	// runs steps again, at most three times in total, so steps must not keep results of an earlier run.
	//
	// Errors: those of steps, unchanged; errs.Unavailable if the store cannot begin or commit.
	Do(ctx context.Context, steps func(ctx context.Context) error) error
}
