package app

import (
	"context"
	"errors"
	"time"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
)

// FindContacts implements identity.Contacts.
func (a *Addresses) FindContacts(
	ctx context.Context, users []identity.UserID,
) (map[identity.UserID]identity.Contact, error) {
	return a.states.FindContacts(ctx, users)
}

// Administrators implements identity.Contacts.
func (a *Addresses) Administrators(ctx context.Context, limit int) ([]identity.UserID, error) {
	return a.states.Administrators(ctx, limit)
}

// FindToken implements identity.Contacts.
func (a *Addresses) FindToken(ctx context.Context, wanted identity.TokenWanted) (identity.MailToken, error) {
	var user domain.User
	var state domain.MailState
	err := a.tx.Do(ctx, func(ctx context.Context) (err error) { // a replica may not know the user yet
		user, state, err = a.states.Find(ctx, wanted.User)
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
		!domain.TokenLives(wanted.Purpose, expires, a.clock.Now()) {
		return identity.MailToken{}, identity.ErrTokenNotWanted
	}
	claims := ports.MailClaims{User: user.ID, Generation: wanted.Generation, ExpiresAt: expires}
	return identity.MailToken{Secret: a.tokens.IssueMail(wanted.Purpose, user, claims), ExpiresAt: expires}, nil
}
