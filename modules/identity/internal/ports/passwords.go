package ports

import (
	"context"

	"healthcare/platform/admission"
)

// CommonPasswords reports whether a password is one of the most used ones.
type CommonPasswords func(password string) bool

// Caller identifies who needs a hash. The zero Caller is unidentified.
type Caller struct {
	admission.Caller

	// Known callers have a lane of their own: they have signed in to the account before from their network, or are
	// signed in now.
	Known bool
}

// Passwords hashes and verifies passwords. Hash and Verify are expensive on purpose (about 40 ms and 19 MiB), so they
// share one bounded queue. It is fair among users and networks, and between known callers and all others.
type Passwords interface {
	// Reserve takes one of a few slots for a query that precedes Hash or Verify, until the caller calls release. It
	// bounds the load on the store during a flood. Errors: errs.Unavailable ("busy").
	Reserve(ctx context.Context, by admission.Caller) (release func(), err error)

	// Hash returns the PHC string of a password. The caller has checked the password's length.
	// Errors: errs.Unavailable ("busy") if the queue is full or ctx ends before a slot is free.
	Hash(ctx context.Context, by Caller, password string) (string, error)

	// Verify reports whether phc is a hash of password. An empty or malformed phc matches no password, at the cost of a
	// wrong password. count runs when a slot is free, before any work; Verify returns its error. stale reports that the
	// caller should store a new Hash, because phc has outdated parameters; it is true only with ok.
	// Errors: errs.Unavailable ("busy") as for Hash; count's.
	Verify(
		ctx context.Context, by Caller, password, phc string, count func(context.Context) error,
	) (ok, stale bool, err error)
}
