package ports

import (
	"context"
	"net/netip"

	"healthcare/modules/identity/internal/domain"
)

// Attempts bounds how often passwords are tried, without locking users out of their own accounts. It is safe for
// concurrent use, also by several instances on one database.
type Attempts interface {
	// Check returns an error for an attempt that has to wait, without counting it: two queries, no write. It reports
	// whether the client signed in to the account recently. Errors: domain.ErrTooManyAttempts with RetryAfter; the
	// store's.
	Check(ctx context.Context, attempt domain.Attempt) (known bool, err error)

	// Count checks as Check does, and counts the attempt as failed until Succeeded. Call it before any hashing, and
	// outside of a transaction that may be rolled back with the count.
	// Errors: domain.ErrTooManyAttempts with RetryAfter; the store's.
	Count(ctx context.Context, attempt domain.Attempt) error

	// Succeeded records that the password of a counted attempt was right. From now on the account knows the client. It
	// reports whether the client is new: the account did not know it, but another one. Errors: the store's.
	Succeeded(ctx context.Context, attempt domain.Attempt) (isNew bool, err error)
}

// MaxKnownClients is the number of clients that an account knows: those that signed in last.
const MaxKnownClients = 50

// MailLimits bounds how many messages a network requests, and how many a mailbox gets. It is safe for concurrent use,
// also by several instances on one database.
type MailLimits interface {
	// CheckClient returns an error if a network has requested too many messages, or sent too many invalid tokens: one
	// query, no write. Errors: domain.ErrTooManyMails with RetryAfter; the store's.
	CheckClient(ctx context.Context, client netip.Addr) error

	// CountClient checks as CheckClient does, and counts a request or an invalid token of the network.
	// Errors: domain.ErrTooManyMails with RetryAfter; the store's.
	CountClient(ctx context.Context, client netip.Addr) error

	// CountMailbox reports whether one more message may be sent to a mailbox (see domain.Mailbox), and counts it. It
	// takes the same statements for every mailbox. Errors: the store's.
	CountMailbox(ctx context.Context, mailbox string) (admitted bool, err error)
}

// Registrations bounds how many accounts a network registers. It is safe for concurrent use, also by several instances
// on one database.
type Registrations interface {
	// Check returns an error if a network has registered too many accounts, without counting: one query, no write.
	// Errors: domain.ErrTooManyRegistrations with RetryAfter; the store's.
	Check(ctx context.Context, client netip.Addr) error

	// Count checks as Check does, and counts an account in the transaction that adds it.
	// Errors: domain.ErrTooManyRegistrations with RetryAfter; the store's.
	Count(ctx context.Context, client netip.Addr) error
}
