package ports

import "context"

// Passwords turns passwords into something fit to store, and checks them. Both methods are expensive on purpose (some
// 40 ms and 19 MiB), so they share one bounded gate and refuse when it is full.
type Passwords interface {
	// Hash gives the PHC string to store for a password. The caller has checked the password's length.
	// Errors: errs.Unavailable ("busy") when the gate is full or ctx ends before a place is free.
	Hash(ctx context.Context, password string) (string, error)

	// Verify says whether password is the one that phc was made from. An empty phc means that there is no such user: the
	// answer is no, and it costs what a wrong password costs. stale asks the caller to store a new Hash, because phc was
	// made with other parameters than today's; it is true only with ok.
	// Errors: errs.Unavailable ("busy") as for Hash; a plain error, after the same cost, when phc is not a usable hash.
	Verify(ctx context.Context, password, phc string) (ok, stale bool, err error)
}
