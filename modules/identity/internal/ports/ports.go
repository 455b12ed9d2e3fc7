// Package ports says what the use cases of the identity module need from outside.
package ports

import (
	"context"
	"errors"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/paging"
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

	// List is a page of the users that pass the filter. Errors: none.
	List(ctx context.Context, filter domain.UserFilter, page paging.Request) (paging.Page[domain.User], error)

	// Change applies rule to the user while nobody else can change them, and stores what came of it when the version is another.
	// Errors: ErrNotFound, rule's.
	Change(ctx context.Context, id identity.UserID, rule func(*domain.User) error) (domain.User, error)

	// SetPasswordHash stores another hash of the same password, unless the hash has changed from old since. Errors: none.
	SetPasswordHash(ctx context.Context, id identity.UserID, old, hash string) error

	// HoldAll is the active users of a role, none of whom can change until the transaction ends. Errors: none.
	HoldAll(ctx context.Context, role string) ([]identity.UserID, error)

	// Remove deletes a user who has no session. Errors: ErrNotFound; errs.Conflict while another module's record refers to the user.
	Remove(ctx context.Context, id identity.UserID) error
}

// Sessions keeps sessions.
type Sessions interface {
	// Add stores a new session unless the user is not active or has another password hash by now, which it reports as ErrNotFound. It forgets
	// the user's expired sessions, and those longest unused beyond MaxSessions. Errors: ErrNotFound.
	Add(ctx context.Context, session domain.Session, passwordHash string) error

	// Change applies rule to the session while nobody else can change it, and stores what came of it. Errors: ErrNotFound, rule's.
	Change(ctx context.Context, id identity.SessionID, rule func(context.Context, *domain.Session) error) error

	// List is the user's sessions that have not expired, last used first. Errors: none.
	List(ctx context.Context, user identity.UserID) ([]domain.Session, error)

	// Remove ends one of the user's sessions. Errors: ErrNotFound.
	Remove(ctx context.Context, user identity.UserID, id identity.SessionID) error

	// RemoveAllBut ends every session of the user's but the one kept; the zero id keeps none. Errors: none.
	RemoveAllBut(ctx context.Context, user identity.UserID, kept identity.SessionID) error

	// Standing is what an access token of the session is checked against, in one query. Errors: ErrNotFound.
	Standing(ctx context.Context, id identity.SessionID) (domain.Standing, error)
}

// MaxSessions is how many sessions a user can have at once.
const MaxSessions = 100
