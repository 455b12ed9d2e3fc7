// Package ports says what the use cases of the identity module need from outside.
package ports

import (
	"context"
	"errors"

	"github.com/google/uuid"

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
	// Add stores a new user as the only one of their mailbox (see domain.Mailbox).
	// Errors: identity.ErrEmailTaken, after which the transaction must be undone; ErrUsernameTaken, which leaves it usable.
	Add(ctx context.Context, user domain.User) error

	// FindByAddress returns the user who signs in with an address: the one who registered it exactly like that, else the oldest of its mailbox.
	// It is one statement, whether there is such a user or not. Errors: ErrNotFound.
	FindByAddress(ctx context.Context, email string) (domain.User, error)

	// FindAllByAddress returns the users of an address's mailbox, oldest first, MaxSharing at most: more than one only where older releases let them
	// register. Errors: none.
	FindAllByAddress(ctx context.Context, email string) ([]domain.User, error)

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

	// Close disables a user and overwrites all that identifies them, so that their addresses are free. No other method
	// but Closed and Remove finds them from then on. Errors: ErrNotFound.
	Close(ctx context.Context, id identity.UserID, closing domain.Closing) error

	// Closed returns how a user's account was closed. Errors: ErrNotFound.
	Closed(ctx context.Context, id identity.UserID) (domain.Closing, error)
}

// KeptAnswers keeps answers to users' requests for repetition (Idempotency-Key).
type KeptAnswers interface {
	// Forget removes at most limit of the user's answers, and returns how many. Errors: none.
	Forget(ctx context.Context, user uuid.UUID, limit int) (int, error)
}

// MaxSharing is how many users of one mailbox are listed.
const MaxSharing = 100

// Mailboxes records the mailboxes of users whom another release added. It is safe for concurrent use, also by several instances on one database.
type Mailboxes interface {
	// CatchUp records those that were added since the last time; the first time, all that are missing. It comes before a new user is added: until then
	// the store knows another release's users by their own spelling alone. Errors: none.
	CatchUp(ctx context.Context) error
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
