package ports

import "context"

// CommonPasswords says whether a password is among the most used ones.
type CommonPasswords func(password string) bool

// Passwords turns passwords into something fit to store, and checks them. Both methods are expensive on purpose (some
// 40 ms and 19 MiB), so they share one bounded gate and refuse when it is full.
type Passwords interface {
	// Room keeps a place for a caller who is about to Hash or Verify, until it calls leave: as many as the gate and its queue hold. So what
	// comes before, such as asking the store, is not done a thousand times for those who would be refused after it.
	// Errors: errs.Unavailable ("busy") at once.
	Room() (leave func(), err error)

	// Hash gives the PHC string to store for a password. The caller has checked the password's length.
	// Errors: errs.Unavailable ("busy") when the gate is full or ctx ends before a place is free.
	Hash(ctx context.Context, password string) (string, error)

	// Verify says whether password is the one that phc was made from. An empty phc means that there is no such user, and one that cannot
	// be used counts as none: the answer is no, and it costs what a wrong password costs. count runs once there is a place, before any
	// work; its error is Verify's. stale asks the caller to store a new Hash, because phc was made with other parameters than today's; it
	// is true only with ok.
	// Errors: errs.Unavailable ("busy") as for Hash; count's.
	Verify(ctx context.Context, password, phc string, count func(context.Context) error) (ok, stale bool, err error)
}
