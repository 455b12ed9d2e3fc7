package app

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
	"healthcare/platform/tx"
)

// Addresses has the use cases in which users prove that they read the mailbox of their address: they reset the password
// or verify the address with a token that is sent there. A token is made when its message is sent. It is not stored.
type Addresses struct {
	users       ports.Users
	states      ports.MailStates
	tokens      ports.MailTokens
	limits      ports.MailLimits
	sessions    ports.Sessions
	credentials *Credentials
	trail       audit.Recorder
	tx          tx.Runner
	events      events.Publisher
	clock       clock.Clock
}

// NewAddresses wires the use cases.
func NewAddresses(
	users ports.Users, states ports.MailStates, tokens ports.MailTokens, limits ports.MailLimits,
	sessions ports.Sessions, credentials *Credentials, trail audit.Recorder, runner tx.Runner,
	publisher events.Publisher, clk clock.Clock,
) *Addresses {
	return &Addresses{
		users: users, states: states, tokens: tokens, limits: limits, sessions: sessions, credentials: credentials,
		trail: trail, tx: runner, events: publisher, clock: clk,
	}
}

// RequestReset announces that the user of an address wants a token that resets the password. An unknown address, a
// disabled account and a mailbox that got too many messages have the same result after the same statements. Errors:
// errs.Invalid for a blank address, domain.ErrTooManyMails, errs.Unavailable if too many requests are running.
func (a *Addresses) RequestReset(ctx context.Context, email string, client netip.Addr) error {
	if err := domain.CheckAddress(email); err != nil {
		return err
	}
	return a.credentials.lookUp(ctx, callerOf(auth.Principal{}, client), func() error {
		return a.tx.Do(ctx, func(ctx context.Context) error {
			if err := a.limits.CountClient(ctx, client); err != nil {
				return err
			}
			user, err := a.users.FindByAddress(ctx, email)
			if err != nil && !errors.Is(err, ports.ErrNotFound) {
				return err
			}
			user, state, err := a.states.Find(ctx, user.ID)
			if err != nil && !errors.Is(err, ports.ErrNotFound) {
				return err
			}
			admitted, err := a.limits.CountMailbox(ctx, domain.Mailbox(email))
			if err != nil {
				return err
			}
			if !admitted || !user.Active {
				user = domain.User{}
			}
			return a.announce(ctx, identity.PasswordReset, user, state)
		})
	})
}

// announce publishes that a token is wanted, for the zero user that nobody gets one.
func (a *Addresses) announce(
	ctx context.Context, purpose identity.Purpose, user domain.User, state domain.MailState,
) error {
	expires := a.clock.Now().Add(domain.TokenLifetime(purpose)).Truncate(time.Second)
	wanted := identity.TokenWanted{User: user.ID, Purpose: purpose, ExpiresAt: expires}
	if user.ID != (identity.UserID{}) {
		wanted.Generation = state.For(user.Email).Generation(purpose)
	}
	return a.events.Publish(ctx, wanted)
}

// ConfirmReset sets the password of the user to whom the token was sent, and ends all sessions of the user. The token
// and all others that reset the password become invalid, and the address is verified. Errors: errs.Invalid;
// identity.ErrInvalidMailToken for every token that is not valid; domain.ErrTooManyMails; errs.Unavailable if too many
// passwords are being hashed.
func (a *Addresses) ConfirmReset(ctx context.Context, reset domain.PasswordReset, client netip.Addr) error {
	if err := reset.Validate(); err != nil {
		return err
	}
	user, err := a.open(ctx, identity.PasswordReset, reset.Token, client)
	if err != nil {
		return a.refused(ctx, client, err)
	}
	by := callerOf(auth.Principal{}, client)
	hash, err := a.credentials.hash(ctx, by, "password", reset.Password, user.Name, user.Email)
	if err != nil {
		return err
	}
	err = a.tx.Do(ctx, func(ctx context.Context) error {
		err := a.spend(ctx, identity.PasswordReset, reset.Token, user.ID, func(u *domain.User) {
			u.ResetPassword(hash, a.clock.Now())
		})
		if err != nil {
			return err
		}
		if err := a.sessions.RemoveAllBut(ctx, user.ID, identity.SessionID{}); err != nil {
			return err
		}
		if err := a.events.Publish(ctx, identity.PasswordChanged{User: user.ID}); err != nil {
			return err
		}
		entry := about(audit.PasswordChanged, userResource, user.ID.UUID, http.StatusNoContent)
		return a.trail.Record(ctx, holderOf(user), entry)
	})
	return a.refused(ctx, client, err)
}

// holderOf returns the principal of a user who is not signed in, but holds a token.
func holderOf(user domain.User) auth.Principal {
	return auth.Principal{UserID: user.ID.UUID, Role: auth.Role(user.Role)}
}

// RequestVerification announces that the user wants a token that verifies the address. It does nothing if the address
// is verified, or if its mailbox got too many messages. Errors: domain.ErrTooManyMails, auth.ErrInvalidToken.
func (a *Addresses) RequestVerification(ctx context.Context, who auth.Principal, client netip.Addr) error {
	return a.tx.Do(ctx, func(ctx context.Context) error {
		user, state, err := a.states.Find(ctx, userOf(who))
		if err != nil {
			return asInvalidToken(err)
		}
		if state.For(user.Email).Verified {
			return nil
		}
		if err := a.limits.CountClient(ctx, client); err != nil {
			return err
		}
		return a.wantVerification(ctx, user, state)
	})
}

func (a *Addresses) wantVerification(ctx context.Context, user domain.User, state domain.MailState) error {
	admitted, err := a.limits.CountMailbox(ctx, domain.Mailbox(user.Email))
	if err != nil || !admitted {
		return err
	}
	return a.announce(ctx, identity.EmailVerification, user, state)
}

// ConfirmVerification verifies the address to which the token was sent. The token and all others that verify the
// address become invalid. Errors: errs.Invalid for a blank token, identity.ErrInvalidMailToken,
// domain.ErrTooManyMails; errs.Unavailable if too many requests are running.
func (a *Addresses) ConfirmVerification(ctx context.Context, token string, client netip.Addr) error {
	if err := domain.CheckToken(token); err != nil {
		return err
	}
	user, err := a.open(ctx, identity.EmailVerification, token, client)
	if err != nil {
		return a.refused(ctx, client, err)
	}
	err = a.tx.Do(ctx, func(ctx context.Context) error {
		if err := a.spend(ctx, identity.EmailVerification, token, user.ID, func(*domain.User) {}); err != nil {
			return err
		}
		return a.trail.Record(ctx, holderOf(user), verifiedEntry(user.ID))
	})
	return a.refused(ctx, client, err)
}

// open returns the user of a valid token, before the expensive part; spend decides races. Errors:
// identity.ErrInvalidMailToken, domain.ErrTooManyMails, errs.Unavailable.
func (a *Addresses) open(
	ctx context.Context, purpose identity.Purpose, token string, client netip.Addr,
) (user domain.User, err error) {
	claims, _ := a.tokens.ReadMail(token)
	var state domain.MailState
	err = a.credentials.lookUp(ctx, callerOf(auth.Principal{}, client), func() error {
		return a.tx.Do(ctx, func(ctx context.Context) error { // a replica may not know the user yet
			if err := a.limits.CheckClient(ctx, client); err != nil {
				return err
			}
			user, state, err = a.states.Find(ctx, claims.User)
			if errors.Is(err, ports.ErrNotFound) {
				return nil
			}
			return err
		})
	})
	if err == nil && !a.isValid(purpose, token, user, state) {
		err = identity.ErrInvalidMailToken
	}
	return user, err
}

// isValid reports whether the user of a token can use it now.
func (a *Addresses) isValid(
	purpose identity.Purpose, token string, user domain.User, state domain.MailState,
) bool {
	claims, ok := a.tokens.ReadMail(token)
	return a.tokens.VerifyMail(token, purpose, user) && ok && user.Active &&
		claims.Generation == state.For(user.Email).Generation(purpose) &&
		domain.TokenLives(purpose, claims.ExpiresAt, a.clock.Now())
}

// spend locks the user, verifies the token again, changes the user and makes the token invalid. Of two uses at the same
// time, the second finds the generation raised. Errors: identity.ErrInvalidMailToken.
func (a *Addresses) spend(
	ctx context.Context, purpose identity.Purpose, token string, id identity.UserID, change func(*domain.User),
) error {
	var before domain.MailState
	user, err := a.users.Change(ctx, id, func(now *domain.User) (err error) {
		if _, before, err = a.states.Find(ctx, id); err != nil {
			return err
		}
		if !a.isValid(purpose, token, *now, before) {
			return identity.ErrInvalidMailToken
		}
		change(now)
		return nil
	})
	if err == nil {
		err = a.states.Save(ctx, id, before, before.For(user.Email).Spend(purpose))
	}
	if errors.Is(err, ports.ErrNotFound) || errors.Is(err, ports.ErrStale) {
		return identity.ErrInvalidMailToken
	}
	return err
}

// refused returns err. It counts and records a token that is not valid, because it may be a guess.
func (a *Addresses) refused(ctx context.Context, client netip.Addr, err error) error {
	if !errors.Is(err, identity.ErrInvalidMailToken) {
		return err
	}
	uncounted := a.tx.Do(ctx, func(ctx context.Context) error {
		if err := a.limits.CountClient(ctx, client); err != nil {
			return err
		}
		refusal := audit.NewRefusal(userResource, uuid.Nil, http.StatusBadRequest)
		return a.trail.Record(ctx, auth.Principal{}, refusal)
	})
	if uncounted != nil {
		return uncounted
	}
	return err
}

// added stores the state of a new user, whose address is not verified, and announces that a token is wanted.
func (a *Addresses) added(ctx context.Context, user domain.User) error {
	state := domain.MailState{}.For(user.Email)
	if err := a.states.Save(ctx, user.ID, domain.MailState{}, state); err != nil {
		return err
	}
	return a.wantVerification(ctx, user, state)
}

// passwordChanged makes the tokens of the user that reset the password invalid, and publishes the change. It runs in
// the transaction of the change.
func (a *Addresses) passwordChanged(ctx context.Context, who auth.Principal, user domain.User) error {
	if err := a.states.EndResets(ctx, user); err != nil {
		return err
	}
	return a.events.Publish(ctx, identity.PasswordChanged{User: user.ID, By: who})
}
