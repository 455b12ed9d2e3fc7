package app

import (
	"context"
	"net/netip"

	validation "github.com/go-ozzo/ozzo-validation/v4"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/errs"
)

// Credentials is how passwords are chosen and proved, wherever one is asked for: one rule, one count of failures.
type Credentials struct {
	passwords ports.Passwords
	attempts  ports.Attempts
	trail     audit.Recorder
	policy    domain.PasswordPolicy
}

// NewCredentials wires it.
func NewCredentials(cfg identity.Config, passwords ports.Passwords, common ports.CommonPasswords, attempts ports.Attempts, trail audit.Recorder) *Credentials {
	policy := domain.PasswordPolicy{Strict: cfg.StrictPasswords, Common: common}
	return &Credentials{passwords: passwords, attempts: attempts, trail: trail, policy: policy}
}

// proof is what became of a password.
type proof struct {
	right   bool
	stale   bool // the stored hash was made with other parameters than today's
	attempt domain.Attempt
}

// prove holds a password against that of whoever has the mailbox; nobody is the zero user. It costs the same whoever that is.
// Errors: errs.Throttled before any work, errs.Unavailable when too many passwords are being hashed.
func (c *Credentials) prove(
	ctx context.Context, mailbox, password string, client netip.Addr, find func(context.Context) (domain.User, error),
) (domain.User, proof, error) {
	leave, err := c.passwords.Room()
	if err != nil {
		return domain.User{}, proof{}, err
	}
	defer leave()
	attempt := domain.Attempt{Mailbox: mailbox, Client: client}
	if err := c.attempts.Check(ctx, attempt); err != nil {
		return domain.User{}, proof{}, err
	}
	user, err := find(ctx)
	if err != nil {
		return domain.User{}, proof{}, err
	}
	count := func(ctx context.Context) error { return c.attempts.Count(ctx, attempt) }
	right, stale, err := c.passwords.Verify(ctx, password, user.PasswordHash, count)
	return user, proof{right: right, stale: stale, attempt: attempt}, err
}

// succeeded takes back that the attempt was counted as a failure, in the transaction of what it was for.
func (c *Credentials) succeeded(ctx context.Context, p proof) error {
	return c.attempts.Succeeded(ctx, p.attempt)
}

// hash is what to store for a password that the policy allows. field is how the client calls it.
// Errors: errs.Invalid, errs.Unavailable when too many passwords are being hashed.
func (c *Credentials) hash(ctx context.Context, field, password, name, email string) (string, error) {
	if err := errs.Fields(validation.Errors{field: c.policy.Check(password, name, email)}); err != nil {
		return "", err
	}
	return c.passwords.Hash(ctx, password)
}
