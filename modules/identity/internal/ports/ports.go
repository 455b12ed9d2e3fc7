// Package ports has the interfaces that the use cases of the identity module need.
package ports

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/paging"
)

// Errors of the repositories. The use cases map them to errors for clients.
var (
	ErrNotFound      = errors.New("no such row")
	ErrUsernameTaken = errors.New("username taken")
)

// Users stores users.
type Users interface {
	// Add stores a new user as the only one of their mailbox (see domain.Mailbox).
	// Errors: identity.ErrEmailTaken, after which the transaction must be rolled back;
	// ErrUsernameTaken, which leaves it usable.
	Add(ctx context.Context, user domain.User) error

	// FindByAddress returns the user who signs in with an address: the one who registered exactly this spelling, else
	// the oldest of its mailbox. It takes one statement, whether there is such a user or not. Errors: ErrNotFound.
	FindByAddress(ctx context.Context, email string) (domain.User, error)

	// FindAllByAddress returns at most MaxSharing users of an address's mailbox, oldest first. Only older releases let
	// several register. Errors: none.
	FindAllByAddress(ctx context.Context, email string) ([]domain.User, error)

	// Find returns one user. Errors: ErrNotFound.
	Find(ctx context.Context, id identity.UserID) (domain.User, error)

	// FindNames is identity.Names.FindNames. Errors: none.
	FindNames(ctx context.Context, users []identity.UserID) (map[identity.UserID]string, error)

	// List returns a page of the users that match the filter. Errors: none.
	List(ctx context.Context, filter domain.UserFilter, page paging.Request) (paging.Page[domain.User], error)

	// Change locks the user, applies rule and stores the result if the version differs.
	// Errors: ErrNotFound, those of rule.
	Change(ctx context.Context, id identity.UserID, rule func(*domain.User) error) (domain.User, error)

	// SetPasswordHash stores another hash of the same password, unless the hash has changed from old since. Errors:
	// none.
	SetPasswordHash(ctx context.Context, id identity.UserID, old, hash string) error

	// HoldAll locks the active users of a role until the transaction ends, and returns their ids. Errors: none.
	HoldAll(ctx context.Context, role string) ([]identity.UserID, error)

	// Remove deletes a user who has no session.
	// Errors: ErrNotFound; errs.Conflict while another module's record refers to the user.
	Remove(ctx context.Context, id identity.UserID) error

	// Close disables a user and overwrites everything that identifies them, so that their address is free. Afterwards
	// only Closed and Remove find the user. Errors: ErrNotFound.
	Close(ctx context.Context, id identity.UserID, closing domain.Closing) error

	// Closed returns how a user's account was closed. Errors: ErrNotFound.
	Closed(ctx context.Context, id identity.UserID) (domain.Closing, error)
}

// StoredResponses stores the responses to users' requests with an Idempotency-Key.
type StoredResponses interface {
	// DeleteByUser deletes at most limit of the user's responses, and returns their number. Errors: none.
	DeleteByUser(ctx context.Context, user uuid.UUID, limit int) (int, error)
}

// MaxSharing is the maximum number of users of one mailbox that are listed.
const MaxSharing = 100

// Mailboxes records the mailboxes of users that another release added. It is safe for concurrent use, also by several
// instances on one database.
type Mailboxes interface {
	// CatchUp records the mailboxes of users added since the last call; the first call records all that are missing.
	// Call it before adding a user: without it, users of another release are found by their own spelling only. Errors:
	// none.
	CatchUp(ctx context.Context) error
}

// Sessions stores sessions.
type Sessions interface {
	// Add stores a new session. It deletes the user's expired sessions, and the longest unused beyond MaxSessions.
	// Errors: ErrNotFound if the user is not active or has another password hash now.
	Add(ctx context.Context, session domain.Session, passwordHash string) error

	// Change locks the session, applies rule and stores the result. Errors: ErrNotFound, those of rule.
	Change(ctx context.Context, id identity.SessionID, rule func(context.Context, *domain.Session) error) error

	// List returns the user's sessions, last used first. Errors: none.
	List(ctx context.Context, user identity.UserID) ([]domain.Session, error)

	// Remove ends one of the user's sessions. Errors: ErrNotFound.
	Remove(ctx context.Context, user identity.UserID, id identity.SessionID) error

	// RemoveAllBut ends every session of the user except the one kept; the zero id keeps none. Errors: none.
	RemoveAllBut(ctx context.Context, user identity.UserID, kept identity.SessionID) error

	// Standing returns the state that access tokens of the session are checked against, and for whom the user acts
	// now, in one query. Errors: ErrNotFound.
	Standing(ctx context.Context, id identity.SessionID) (domain.Standing, []auth.Capacity, error)
}

// MaxSessions is the maximum number of sessions of a user.
const MaxSessions = 100

// Acting stores for whom users act.
type Acting interface {
	// Add stores that the user acts for the party from party.Since on. It does nothing if the user does so already at
	// the same level until the same time, and otherwise replaces both. It deletes the user's capacities that have
	// ended. It locks the user. Errors: ErrNotFound, identity.ErrTooManyCapacities.
	Add(ctx context.Context, user identity.UserID, party domain.Party) error

	// Of returns for whom the user acts at a time. Errors: none.
	Of(ctx context.Context, user identity.UserID, at time.Time) ([]auth.Capacity, error)

	// ListFor returns for whom each of the users acts at a time, oldest first, in one query. The map lacks users who
	// act for nobody. Errors: none.
	ListFor(
		ctx context.Context, users []identity.UserID, at time.Time,
	) (map[identity.UserID][]domain.Party, error)

	// RemoveFor ends what any user does for the party, and returns the users. Errors: none.
	RemoveFor(ctx context.Context, party uuid.UUID) ([]identity.UserID, error)

	// Remove ends what the user does for a practice. Errors: ErrNotFound.
	Remove(ctx context.Context, user identity.UserID, practice identity.PracticeID) error

	// RemoveDeputies ends what either user does as the deputy of the other at that time, and returns the capacities
	// that ended. Errors: none.
	RemoveDeputies(ctx context.Context, user, other identity.UserID, at time.Time) ([]Ended, error)

	// RemoveAll ends what the user does for practices and colleagues, and what deputies do for the user, and returns
	// it. Errors: none.
	RemoveAll(ctx context.Context, user identity.UserID) ([]Ended, error)

	// Deputies returns the users who stand in for the user at a time, oldest first. Errors: none.
	Deputies(ctx context.Context, user identity.UserID, at time.Time) ([]domain.Colleague, error)

	// Colleagues returns the users for whom the user stands in at a time, oldest first. Errors: none.
	Colleagues(ctx context.Context, user identity.UserID, at time.Time) ([]domain.Colleague, error)
}

// Ended is a capacity that was ended.
type Ended struct {
	User     identity.UserID
	Capacity auth.Capacity
}

// Practices stores practices. Their members are in Acting.
type Practices interface {
	// Add stores a new practice. Errors: none.
	Add(ctx context.Context, practice domain.Practice) error

	// Find returns a practice. Errors: identity.ErrPracticeNotFound.
	Find(ctx context.Context, id identity.PracticeID) (domain.Practice, error)

	// List returns a page of the practices with the given ids. Errors: none.
	List(
		ctx context.Context, ids []identity.PracticeID, page paging.Request,
	) (paging.Page[domain.Practice], error)

	// ListAll returns a page of all practices. Errors: none.
	ListAll(ctx context.Context, page paging.Request) (paging.Page[domain.Practice], error)

	// Lock locks a practice until the transaction ends, and returns it. Every change of its members and invitations
	// locks it, after the accounts that the change locks. Errors: identity.ErrPracticeNotFound.
	Lock(ctx context.Context, id identity.PracticeID) (domain.Practice, error)

	// LockManaged locks the practices that the user manages, and returns their members by practice. Errors: none.
	LockManaged(ctx context.Context, user identity.UserID) (map[identity.PracticeID]domain.Members, error)

	// Rename stores the name of a locked practice. Errors: none.
	Rename(ctx context.Context, practice domain.Practice) error

	// Members returns all members. Errors: none.
	Members(ctx context.Context, id identity.PracticeID) (domain.Members, error)

	// ListMembers returns a page of the members. Errors: none.
	ListMembers(
		ctx context.Context, id identity.PracticeID, page paging.Request,
	) (paging.Page[domain.Member], error)
}

// ActingInvitations stores invitations to act for practices and colleagues.
type ActingInvitations interface {
	// Add stores an invitation. Errors: none.
	Add(ctx context.Context, invitation domain.ActingInvitation) error

	// RemoveExpired deletes the invitations of the party that have expired. Errors: none.
	RemoveExpired(ctx context.Context, party uuid.UUID, at time.Time) error

	// Open returns the party's invitations that have not expired, oldest first. Errors: none.
	Open(ctx context.Context, party uuid.UUID, at time.Time) ([]domain.ActingInvitation, error)

	// FindByMAC returns the invitation with one of the MACs, even if it has expired. Errors:
	// identity.ErrNoInvitation.
	FindByMAC(ctx context.Context, macs [][]byte) (domain.ActingInvitation, error)

	// Remove deletes an invitation of the party. Errors: identity.ErrNoInvitation.
	Remove(ctx context.Context, party uuid.UUID, id domain.ActingInvitationID) error
}
