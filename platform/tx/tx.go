// Package tx is the transaction port that use cases hold. platform/database implements it; it depends on nothing.
package tx

import "context"

// Runner runs a use case's steps as one transaction.
type Runner interface {
	// Do runs steps in one transaction that travels in the context it hands them: everything done with that context
	// commits together when steps returns nil, and is undone when it returns an error or panics. Inside an open transaction Do
	// joins it. After a serialisation failure, a deadlock or a lock timeout the store undoes the transaction and runs steps again (at
	// most three times in all), so steps must not keep results of an earlier run.
	//
	// Errors: those of steps, unchanged; errs.Unavailable when the store cannot begin or commit.
	Do(ctx context.Context, steps func(ctx context.Context) error) error
}
