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

// Credentials is how passwords are chosen and proved, wherever one is asked for: one rule, one count of failures.
type Credentials struct {
	passwords ports.Passwords
	attempts  ports.Attempts
	trail     audit.Recorder
	refusals  *refusals
	policy    domain.PasswordPolicy
}

// NewCredentials wires it.
func NewCredentials(
	cfg identity.Config, passwords ports.Passwords, common ports.CommonPasswords,
	attempts ports.Attempts, trail audit.Recorder, clock clock.Clock,
) *Credentials {
	policy := domain.PasswordPolicy{Strict: cfg.StrictPasswords, Common: common}
	return &Credentials{
		passwords: passwords,
		attempts:  attempts,
		trail:     trail,
		refusals:  newRefusals(trail, clock),
		policy:    policy,
	}
}

// proof is what became of a password.
type proof struct {
	right   bool
	stale   bool // the stored hash was made with other parameters than today's
	attempt domain.Attempt
	by      ports.Caller
}

// prove holds a password against that of whoever has the mailbox; nobody is the zero user. It costs the same whoever
// that is. who is the zero Principal unless the caller holds a live session of the account. Errors: errs.Throttled
// before any work, errs.Unavailable when too many passwords are being hashed.
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
		return domain.User{}, proof{}, err
	}
	count := func(ctx context.Context) error { return c.attempts.Count(ctx, p.attempt) }
	p.right, p.stale, err = c.passwords.Verify(ctx, p.by, password, user.PasswordHash, count)
	return user, p, err
}

// callerOf is who asks for a hash: somebody at that address, who is known if they are signed in.
func callerOf(who auth.Principal, address netip.Addr) ports.Caller {
	if who.UserID == uuid.Nil {
		return ports.Caller{Caller: admission.By(address, "")}
	}
	return ports.Caller{Caller: admission.By(address, who.UserID.String()), Known: true}
}

// lookUp asks the store before a hash is made, as one of few. Errors: errs.Unavailable when too many ask; ask's.
func (c *Credentials) lookUp(ctx context.Context, by ports.Caller, ask func() error) error {
	leave, err := c.passwords.Room(ctx, by.Caller)
	if err != nil {
		return err
	}
	defer leave()
	return ask()
}

// succeeded takes back that the attempt was counted as a failure, in the transaction of what it was for.
func (c *Credentials) succeeded(ctx context.Context, p proof) error {
	return c.attempts.Succeeded(ctx, p.attempt)
}

// hash is what to store for a password that the policy allows. field is how the client calls it.
// Errors: errs.Invalid, errs.Unavailable when too many passwords are being hashed.
func (c *Credentials) hash(ctx context.Context, by ports.Caller, field, password, name, email string) (string, error) {
	if err := errs.Fields(validation.Errors{field: c.policy.Check(password, name, email)}); err != nil {
		return "", err
	}
	return c.passwords.Hash(ctx, by, password)
}
