// Package ports says what the use cases of the identity module need from outside.
package ports

import (
	"context"
	"errors"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
)

// Why a repository refuses; none of it reaches a client.
var (
	ErrNotFound      = errors.New("no such row")
	ErrUsernameTaken = errors.New("username taken")
)

// Users keeps users.
type Users interface {
	// Add stores a new user. Errors: identity.ErrEmailTaken, ErrUsernameTaken (which leaves the transaction usable).
	Add(ctx context.Context, user domain.User) error

	// FindByMailbox is the user of a mailbox (see domain.Mailbox). Errors: ErrNotFound.
	FindByMailbox(ctx context.Context, mailbox string) (domain.User, error)

	// Find is one user. Errors: ErrNotFound.
	Find(ctx context.Context, id identity.UserID) (domain.User, error)

	// SetPasswordHash stores another hash of the same password, unless the hash has changed from old since. Errors: none.
	SetPasswordHash(ctx context.Context, id identity.UserID, old, hash string) error
}

// Sessions keeps sessions.
type Sessions interface {
	// Add stores a new session and forgets the user's expired ones. Errors: none.
	Add(ctx context.Context, session domain.Session) error

	// Change applies rule to the session whose live refresh token has that hash, while nobody else can change it, and stores
	// what came of it. Errors: ErrNotFound, rule's.
	Change(ctx context.Context, refreshHash string, rule func(context.Context, *domain.Session) error) error

	// Standing is what an access token of the session is checked against, in one query. Errors: ErrNotFound.
	Standing(ctx context.Context, id identity.SessionID) (domain.Standing, error)
}
