// Package identity is the public API of the identity module: users, their credentials and sessions. Other modules get
// the acting user as the auth.Principal that its auth.Authenticator returns to the server.
package identity

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

type (
	// UserID identifies a user.
	UserID = recordid.Of[user]

	// SessionID identifies a session, which lasts from a login until it is logged out or expires.
	SessionID = recordid.Of[session]

	// PracticeID identifies a practice, a group of users with whom patients can be shared.
	PracticeID = recordid.Of[practice]

	user     struct{}
	session  struct{}
	practice struct{}
)

// The maximum numbers of practices and deputies.
const (
	MaxMembers     = 200 // of a practice
	MaxInvitations = 20  // open invitations of a practice
	MaxDeputies    = 10  // of a user, with open invitations
)

// ParseUserID reads an id in its canonical form. Errors: ErrUserNotFound.
func ParseUserID(s string) (UserID, error) { return recordid.Parse[UserID](s, ErrUserNotFound) }

// ParseSessionID reads an id in its canonical form. Errors: ErrSessionNotFound.
func ParseSessionID(s string) (SessionID, error) {
	return recordid.Parse[SessionID](s, ErrSessionNotFound)
}

// ParsePracticeID reads an id in its canonical form. Errors: ErrPracticeNotFound.
func ParsePracticeID(s string) (PracticeID, error) {
	return recordid.Parse[PracticeID](s, ErrPracticeNotFound)
}

// Names finds the names of users for other modules.
type Names interface {
	// FindNames returns the current names of the users with the given ids, by id, in one query. It omits users whose
	// account was removed or closed. Errors: none of its own.
	FindNames(ctx context.Context, users []UserID) (map[UserID]string, error)
}

type (
	// Capacity is a party for whom a user acts.
	Capacity = auth.Capacity

	// Level is what a user may do for a practice or a colleague.
	Level = auth.Level
)

// Acting is a user who acts for a party.
type Acting struct {
	User     UserID
	Name     string
	Role     auth.Role
	Active   bool
	Capacity Capacity
	Since    time.Time
	Until    time.Time // zero if the capacity does not end
}

// AccountView is a user as other modules see it.
type AccountView struct {
	Name   string
	Role   auth.Role
	Active bool
}

// Parties finds for whom users act, for other modules. It omits users whose account was removed or closed.
type Parties interface {
	// ActingFor returns the users who act for any of the parties at a time, ordered by party and then oldest first, in
	// one query. It includes users who are disabled. Errors: none of its own.
	ActingFor(ctx context.Context, parties []uuid.UUID, at time.Time) ([]Acting, error)

	// Capacities returns for whom the user acts at a time. Errors: none of its own.
	Capacities(ctx context.Context, user UserID, at time.Time) ([]auth.Capacity, error)

	// Accounts returns the users with the given ids, by id, in one query. Errors: none of its own.
	Accounts(ctx context.Context, users []UserID) (map[UserID]AccountView, error)
}

// Roles counts the users of roles, for other modules.
type Roles interface {
	// CountActive returns the number of active users with the role, at most limit. Errors: none of its own.
	CountActive(ctx context.Context, role auth.Role, limit int) (int, error)
}

// Reauthenticator verifies the password of a user who is signed in, for other modules.
type Reauthenticator interface {
	// Reauthenticate verifies the password of who, from the address of the client. A wrong password is counted and
	// recorded as a failed attempt to sign in. Do not call it in a transaction, which would hold the store while the
	// password is hashed. Errors: errs.Invalid for the field password, errs.Throttled; errs.Unavailable if too many
	// passwords are being hashed; auth.ErrInvalidToken.
	Reauthenticate(ctx context.Context, who auth.Principal, password string, from netip.Addr) error
}

// Purpose is what a token that is sent by e-mail may do.
type Purpose string

// The purposes.
const (
	PasswordReset     Purpose = "password-reset"     // set a new password; valid for 30 minutes
	EmailVerification Purpose = "email-verification" // verify the address; valid for 24 hours
)

// Contact is how a user is reached. The module notifications alone may use it.
type Contact struct {
	Email    string // as registered
	Active   bool
	Verified bool // the user has proved to read the mailbox
}

// TokenSecret is the text of a token that is sent by e-mail, in 86 URL-safe characters. It is printed as a placeholder.
type TokenSecret string

const redacted = "[redacted]"

// Reveal returns the text, for the message.
func (s TokenSecret) Reveal() string { return string(s) }

// String returns a placeholder.
func (TokenSecret) String() string { return redacted }

// Format prints a placeholder for every verb, because fmt would print the value for an unsuitable verb such as %d.
func (TokenSecret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, redacted) }

// MarshalText hides the token from encoders.
func (TokenSecret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MailToken is a token that is made when its message is sent, and never stored.
type MailToken struct {
	Secret    TokenSecret
	ExpiresAt time.Time
}

// Contacts finds addresses, and makes the tokens, for messages.
type Contacts interface {
	// FindContacts returns the contacts of the users with the given ids, by id, in one query. It omits users whose
	// account was removed or closed. Errors: none of its own.
	FindContacts(ctx context.Context, users []UserID) (map[UserID]Contact, error)

	// FindToken returns the token that a TokenWanted announced. Each call returns the same one, as long as the
	// configuration has the same secret. Errors: ErrTokenNotWanted if it was used, replaced or expired, or the account
	// is disabled or gone, or its address changed; ErrTokenNotWanted for the zero user.
	FindToken(ctx context.Context, wanted TokenWanted) (MailToken, error)

	// Administrators returns up to limit active administrators, oldest first. Errors: none of its own.
	Administrators(ctx context.Context, limit int) ([]UserID, error)
}

// TokenWanted is published in the transaction of a request for a message with a token. Subscribers do the same work for
// the zero user, so that the time of a response does not reveal accounts.
type TokenWanted struct {
	User       UserID // zero: no active account has the address, or its mailbox got too many messages
	Purpose    Purpose
	Generation int64 // of the token: all of an earlier generation are invalid
	ExpiresAt  time.Time
}

// PasswordChanged is published in the transaction of every change of a password.
type PasswordChanged struct {
	User UserID
	By   auth.Principal // the user or an operator; the zero Principal for a token that was sent by e-mail
}

// UserData is the data of users outside this module. The patients module implements it, so that users can be removed
// without this module knowing patients.
type UserData interface {
	// Count returns the number of the user's patients, at most limit; a negative limit is no limit. Errors: none.
	Count(ctx context.Context, user UserID, limit int) (int, error)

	// DeleteAll removes at most limit of the user's patients and all that refers to them, in the transaction of ctx,
	// and returns their number. If they are fewer, it also ends what others have granted to the user. Session and role
	// are those of the user on leaving, for the audit trail. Errors: none.
	DeleteAll(ctx context.Context, user UserID, session SessionID, role string, limit int) (int, error)

	// Transfer gives at most limit of the patients of the user from to the user to, oldest first, in the transaction of
	// ctx. Patients whose medical record number a patient of to has stay. With the limit 0 it moves nothing. Errors:
	// errs.Conflict if to has no room for any of them.
	Transfer(ctx context.Context, who auth.Principal, from, to UserID, limit int) (Transfer, error)
}

// Removed is published in the transaction in which a user's account is removed, or closed until a job has removed its
// data. The account is locked, and its row still exists. Subscribers end what only a user with an account can have.
type Removed struct {
	User UserID
	By   auth.Principal
}

// SignedInFromNewNetwork is published in the transaction of a sign-in from a network that the account does not know,
// while it knows another one. So the first sign-in of a new account is not announced.
type SignedInFromNewNetwork struct {
	User UserID
	At   time.Time
}

// Transfer is the state of a transfer of one user's patients to another.
type Transfer struct {
	Moved     int         // by this call
	Left      int         // patients that can be moved
	Conflicts []uuid.UUID // at most 100 of the patients that stay
}

// AccessTokenKeys is the purpose of the keys that sign access tokens, for platform/keyring. A key's id is the token's
// kid.
const AccessTokenKeys = "access token"

// MailTokenKeys is the purpose of the keys of tokens that are sent by e-mail, for platform/keyring.
const MailTokenKeys = "mail token"

// Config is the configuration of accounts and sign-in.
type Config struct {
	AccessTokenLifetime time.Duration // of an access token
	SessionIdleLifetime time.Duration // of a refresh token that is not used
	SessionLifetime     time.Duration // of a session at most
	Django              bool          // for clients of the original, see README.md

	RequireVerifiedEmail bool // nothing is granted to a user who has not verified the address

	RegistrationClosed   bool // only administrators add accounts
	RegistrationsPerHour int  // accounts that a network may register, and messages that it may request; 0: no limit
	StrictPasswords      bool // reject the most used passwords, and those made of the user's own name and address

	// Limits of guessing, see domain.AttemptLimits.
	FreeAttempts    int // of one client for one account, before it has to wait
	AccountFailures int // for one account in a row, before only clients that it knows may try
	ClientFailures  int // of one client for all accounts, in ten minutes

	// argon2id (RFC 9106) and its queue.
	HashMemory      uint32 // KiB
	HashIterations  uint32
	HashParallelism uint8
	HashSlots       int // hashes at once; 0: one less than the processors, at least 1
	HashQueue       int // hashes waiting for a slot
	HashWait        time.Duration
}

// The errors of the module.
var (
	ErrEmailTaken = errs.Duplicate(
		"email", "email_taken", "An account with this e-mail address already exists.")
	ErrInvalidCredentials = errs.New(
		errs.Unauthenticated, "invalid_credentials", "No active account found with the given credentials.")
	ErrInvalidRefresh = errs.New(
		errs.Unauthenticated, "token_not_valid", "The refresh token is invalid or expired.")
	ErrRegistrationClosed = errs.New(
		errs.Forbidden, "registration_closed", "Registration is closed. Only administrators can create accounts.")
	ErrInvalidMailToken = errs.New(errs.Invalid, "mail_token_not_valid",
		"This link is not valid. It may have been used, replaced or expired. Request another one.")
	ErrEmailNotVerified = errs.New(errs.Forbidden, "email_not_verified",
		"The account has not verified its e-mail address. Open the link that was sent to it, or request another one.")
	ErrTokenNotWanted    = errs.New(errs.NotFound, "not_found", "No such token.")
	ErrUserNotFound      = errs.New(errs.NotFound, "not_found", "No such user.")
	ErrSessionNotFound   = errs.New(errs.NotFound, "not_found", "No such session.")
	ErrLastAdministrator = errs.New(errs.Conflict, "last_administrator",
		"The last active administrator cannot be demoted, disabled or removed.")
	ErrTooManyCapacities = errs.New(
		errs.Conflict, "too_many_capacities", "This account acts for the maximum number of others.")
	ErrCannotKeepPatients = errs.New(
		errs.Conflict, "cannot_keep_patients", "This account is disabled, or has a role that cannot have patients.")
	ErrRoleConflict = errs.New(errs.Conflict, "role_conflict",
		"Accounts with this role cannot act for a doctor, a practice or a colleague. End that first, if they do.")
	ErrOwnsPatients = errs.New(
		errs.Conflict, "owns_patients", "This account has patients. Remove them first, or send ?patients=delete.")
	ErrPracticeNotFound = errs.New(errs.NotFound, "not_found", "No such practice.")
	ErrMemberNotFound   = errs.New(errs.NotFound, "not_found", "No such member.")
	ErrDeputyNotFound   = errs.New(errs.NotFound, "not_found", "No such deputy, colleague or invitation.")
	ErrManagersOnly     = errs.New(errs.Forbidden, "managers_only", "Only managers of the practice can do this.")
	ErrNoInvitation     = errs.New(errs.NotFound, "no_such_invitation",
		"No such invitation. It may have been used or withdrawn, or it has expired.")
	ErrTooManyInvitations = errs.New(
		errs.Conflict, "too_many_invitations", "This practice has the maximum number of open invitations.")
	ErrAlreadyMember  = errs.New(errs.Conflict, "already_member", "You are a member of this practice.")
	ErrTooManyMembers = errs.New(
		errs.Conflict, "too_many_members", "This practice has the maximum number of members.")
	ErrLastManager = errs.New(errs.Conflict, "last_manager",
		"The last manager of a practice with other members cannot leave, and cannot be demoted or removed.")
	ErrTooManyDeputies = errs.New(
		errs.Conflict, "too_many_deputies", "You have the maximum number of deputies and open invitations.")
	ErrOwnInvitation = errs.New(errs.Conflict, "own_invitation", "You cannot stand in for yourself.")
)
