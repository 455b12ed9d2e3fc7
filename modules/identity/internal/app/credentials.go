package app

import (
	"context"
	"net/netip"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/admission"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
)

// Credentials hashes and verifies passwords for all use cases, with one policy and one count of failures.
type Credentials struct {
	passwords ports.Passwords
	attempts  ports.Attempts
	trail     audit.Recorder
	refusals  *refusals
	policy    domain.PasswordPolicy
}

// NewCredentials wires the dependencies.
func NewCredentials(
	cfg identity.Config, passwords ports.Passwords, common ports.CommonPasswords,
	attempts ports.Attempts, trail audit.Recorder, clk clock.Clock,
) *Credentials {
	policy := domain.PasswordPolicy{Strict: cfg.StrictPasswords, Common: common}
	return &Credentials{
		passwords: passwords,
		attempts:  attempts,
		trail:     trail,
		refusals:  newRefusals(trail, clk),
		policy:    policy,
	}
}

// proof is the result of verifying a password.
type proof struct {
	right   bool
	stale   bool // the stored hash has outdated parameters
	attempt domain.Attempt
	by      ports.Caller
}

// prove verifies a password against the hash of the user that find returns. The cost is the same without such a user,
// for whom find returns the zero user. who is the zero Principal unless the caller holds a live session of the account.
// The attempt of the result is set after an error, too. Errors: errs.Throttled before any work, errs.Unavailable if too
// many passwords are being hashed.
func (c *Credentials) prove(
	ctx context.Context, who auth.Principal, mailbox, password string,
	client netip.Addr, find func(context.Context) (domain.User, error),
) (domain.User, proof, error) {
	p := proof{
		by:      callerOf(who, client),
		attempt: domain.Attempt{Mailbox: mailbox, Client: client, SignedIn: who.UserID != uuid.Nil},
	}
	var user domain.User
	err := c.lookUp(ctx, p.by, func() (err error) {
		if user, err = find(ctx); err != nil {
			return err
		}
		p.attempt.User = user.ID
		known, err := c.attempts.Check(ctx, p.attempt)
		p.by.Known = p.by.Known || known
		return err
	})
	if err != nil {
		return domain.User{}, p, err
	}
	count := func(ctx context.Context) error { return c.attempts.Count(ctx, p.attempt) }
	p.right, p.stale, err = c.passwords.Verify(ctx, p.by, password, user.PasswordHash, count)
	return user, p, err
}

// callerOf returns the caller for the queue of hashes. A user who is signed in is known.
func callerOf(who auth.Principal, address netip.Addr) ports.Caller {
	if who.UserID == uuid.Nil {
		return ports.Caller{Caller: admission.NewCaller(address, "")}
	}
	return ports.Caller{Caller: admission.NewCaller(address, who.UserID.String()), Known: true}
}

// lookUp runs query, which reads the store before a hash is made. The number of concurrent queries is bounded.
// Errors: errs.Unavailable if too many are running; those of query.
func (c *Credentials) lookUp(ctx context.Context, by ports.Caller, query func() error) error {
	release, err := c.passwords.Reserve(ctx, by.Caller)
	if err != nil {
		return err
	}
	defer release()
	return query()
}

// succeeded records the attempt as a success. It runs in the transaction of ctx. It reports whether the account knows
// other networks, and did not know that of the client.
func (c *Credentials) succeeded(ctx context.Context, p proof) (isNew bool, err error) {
	return c.attempts.Succeeded(ctx, p.attempt)
}

// hash checks the policy and returns the hash of a password. field is the password's name in the request.
// Errors: errs.Invalid, errs.Unavailable if too many passwords are being hashed.
func (c *Credentials) hash(ctx context.Context, by ports.Caller, field, password, name, email string) (string, error) {
	if err := errs.Fields(validation.Errors{field: c.policy.Check(password, name, email)}); err != nil {
		return "", err
	}
	return c.passwords.Hash(ctx, by, password)
}
