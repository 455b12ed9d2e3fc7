package ports

import (
	"context"

	"healthcare/platform/admission"
)

// CommonPasswords says whether a password is among the most used ones.
type CommonPasswords func(password string) bool

// Caller is who asks for a hash. The zero Caller is nobody in particular.
type Caller struct {
	admission.Caller

	// Known callers have a lane of their own: they have signed in to the account before from their network, or are
	// signed in now.
	Known bool
}

// Passwords turns passwords into something fit to store, and checks them. Hash and Verify are expensive on purpose
// (some 40 ms and 19 MiB), so they share one bounded gate. It is fair among users and networks, and between known
// callers and all others.
type Passwords interface {
	// Room keeps one of a few places for a caller who is about to ask the store, until it calls leave and then hashes.
	// So a flood does not ask the store more often than others can bear. Errors: errs.Unavailable ("busy").
	Room(ctx context.Context, by admission.Caller) (leave func(), err error)

	// Hash gives the PHC string to store for a password. The caller has checked the password's length.
	// Errors: errs.Unavailable ("busy") when the gate is full or ctx ends before a place is free.
	Hash(ctx context.Context, by Caller, password string) (string, error)

	// Verify says whether password is the one that phc was made from. An empty phc means that there is no such user, and one that cannot
	// be used counts as none: the answer is no, and it costs what a wrong password costs. count runs once there is a place, before any
	// work; its error is Verify's. stale asks the caller to store a new Hash, because phc was made with other parameters than today's; it
	// is true only with ok.
	// Errors: errs.Unavailable ("busy") as for Hash; count's.
	Verify(
		ctx context.Context, by Caller, password, phc string, count func(context.Context) error,
	) (ok, stale bool, err error)
}
