package app

import (
	"context"
	"errors"
	"time"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/tx"
)

// NewContacts returns the contacts of users. Subscribers to events use it, so it publishes none.
func NewContacts(
	states ports.MailStates, tokens ports.MailTokens, runner tx.Runner, clk clock.Clock,
) identity.Contacts {
	return &contacts{states, tokens, runner, clk}
}

type contacts struct {
	states ports.MailStates
	tokens ports.MailTokens
	tx     tx.Runner
	clock  clock.Clock
}

// FindContacts implements identity.Contacts.
func (c *contacts) FindContacts(
	ctx context.Context, users []identity.UserID,
) (map[identity.UserID]identity.Contact, error) {
	return c.states.FindContacts(ctx, users)
}

// Administrators implements identity.Contacts.
func (c *contacts) Administrators(ctx context.Context, limit int) ([]identity.UserID, error) {
	return c.states.Administrators(ctx, limit)
}

// FindToken implements identity.Contacts.
func (c *contacts) FindToken(ctx context.Context, wanted identity.TokenWanted) (identity.MailToken, error) {
	var user domain.User
	var state domain.MailState
	err := c.tx.Do(ctx, func(ctx context.Context) (err error) { // a replica may not know the user yet
		user, state, err = c.states.Find(ctx, wanted.User)
		return err
	})
	if errors.Is(err, ports.ErrNotFound) {
		return identity.MailToken{}, identity.ErrTokenNotWanted
	}
	if err != nil {
		return identity.MailToken{}, err
	}
	state = state.For(user.Email)
	expires := wanted.ExpiresAt.Truncate(time.Second)
	verified := wanted.Purpose == identity.EmailVerification && state.Verified
	if !user.Active || verified || wanted.Generation != state.Generation(wanted.Purpose) ||
		!domain.TokenLives(wanted.Purpose, expires, c.clock.Now()) {
		return identity.MailToken{}, identity.ErrTokenNotWanted
	}
	claims := ports.MailClaims{User: user.ID, Generation: wanted.Generation, ExpiresAt: expires}
	return identity.MailToken{Secret: c.tokens.IssueMail(wanted.Purpose, user, claims), ExpiresAt: expires}, nil
}
