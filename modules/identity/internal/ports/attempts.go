package ports

import (
	"context"
	"net/netip"

	"healthcare/modules/identity/internal/domain"
)

// Attempts bounds how often passwords are tried, without locking anybody out of their own account. It is safe for concurrent use, also by
// several instances on one database.
type Attempts interface {
	// Check refuses an attempt that would have to wait, without counting it: two queries, no write. It reports whether
	// the client signed in to the account lately. Errors: domain.ErrTooManyAttempts with RetryAfter; the store's.
	Check(ctx context.Context, attempt domain.Attempt) (known bool, err error)

	// Count refuses as Check does, else counts the attempt as failed until Succeeded. It comes before any hashing, and outside of a
	// transaction that may be undone, which would forget the attempt.
	// Errors: domain.ErrTooManyAttempts with RetryAfter; the store's.
	Count(ctx context.Context, attempt domain.Attempt) error

	// Succeeded takes back an attempt that was counted: its password was right. The client is known to the account from now on.
	// Errors: the store's.
	Succeeded(ctx context.Context, attempt domain.Attempt) error
}

// MaxKnownClients is how many clients of an account are known: those that signed in last.
const MaxKnownClients = 50

// Registrations bounds how many accounts a network makes. It is safe for concurrent use, also by several instances on
// one database.
type Registrations interface {
	// Check refuses another account where there are too many, without counting it: one query, no write.
	// Errors: domain.ErrTooManyRegistrations with RetryAfter; the store's.
	Check(ctx context.Context, client netip.Addr) error

	// Count refuses as Check does, else counts an account, in the transaction that makes it.
	// Errors: domain.ErrTooManyRegistrations with RetryAfter; the store's.
	Count(ctx context.Context, client netip.Addr) error
}
