// Package auth defines the acting user, the roles and the permissions to call operations. modules/identity implements
// Authenticator; other packages use only these types, so that no module depends on the sign-in.
package auth

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"healthcare/platform/errs"
)

// Principal is the signed-in user on whose behalf a use case acts. The role determines which operations the user may
// call, the capacities determine on whose records beside their own.
type Principal struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
	Role      Role
	For       []Capacity // at most MaxCapacities; nil for most users
}

// Operator is the actor of commands. It has no user, and a role that no user has.
var Operator = Principal{Role: "operator"}

// ActsFor reports whether the user acts for the party.
func (p Principal) ActsFor(party uuid.UUID) bool {
	return slices.ContainsFunc(p.For, func(c Capacity) bool { return c.ID == party })
}

// MaxCapacities is the maximum number of capacities of a user.
const MaxCapacities = 9

// Capacity is a party for whom a user acts: the user may see the records that are granted to the party, or, as the
// deputy of a colleague, those that the colleague keeps.
type Capacity struct {
	ID    uuid.UUID // of the doctor's record, the practice, the colleague, or the user
	Kind  CapacityKind
	Level Level // the most that the user may do for a practice or a colleague; not limited for other parties
}

// CapacityKind is the kind of a Capacity's party.
type CapacityKind string

// The kinds of capacities. Readers ignore those of later releases, which may need other rules.
const (
	AsDoctor   CapacityKind = "doctor"   // the doctor whose record is linked to the user
	AsSelf     CapacityKind = "self"     // the user, once something was granted to them
	AsPractice CapacityKind = "practice" // the practice of which the user is a member
	AsDeputy   CapacityKind = "deputy"   // the colleague for whom the user stands in, never with the level Keep
)

// Level is what a user may do with a record.
type Level string

// The levels, each of which includes those before it.
const (
	Read  Level = "read"  // read the record and what belongs to it
	Write Level = "write" // change details
	Keep  Level = "keep"  // delete, share and invite
)

var levels = []Level{Read, Write, Keep}

// Valid reports whether the level exists.
func (l Level) Valid() bool { return slices.Contains(levels, l) }

// Includes reports whether the level allows what wanted allows.
func (l Level) Includes(wanted Level) bool { return slices.Contains(wanted.AndAbove(), l) }

// AndAbove returns the level and those that include it, or nil for an unknown level.
func (l Level) AndAbove() []Level {
	i := slices.Index(levels, l)
	if i < 0 {
		return nil
	}
	return levels[i:]
}

// Reason is why a user may see a record. The zero Reason is that of actions that need none.
type Reason struct {
	Basis string    // the kind of reason, such as the care of a doctor; the module of the record has the kinds
	Grant uuid.UUID // zero for the owner
	For   uuid.UUID // the party for whom the user acts: a doctor's record or the user; zero for the owner
}

// Errors of authentication and authorization.
var (
	// ErrUnauthenticated rejects a request without an access token.
	ErrUnauthenticated = errs.New(
		errs.Unauthenticated, "not_authenticated", "Authentication credentials were not provided.")

	// ErrInvalidToken rejects an access token that is malformed, forged, expired, revoked or of a disabled user.
	ErrInvalidToken = errs.New(errs.Unauthenticated, "token_not_valid", "The access token is not valid or has expired.")

	// ErrForbidden rejects a role that may not call the operation.
	ErrForbidden = errs.New(errs.Forbidden, "forbidden", "Your role does not allow this.")
)

// Authenticator identifies the user of an access token.
type Authenticator interface {
	// Authenticate verifies the token and the current state of its user and session, and returns the user. Errors:
	// ErrInvalidToken; errs.Unavailable.
	Authenticate(ctx context.Context, token string) (Principal, error)
}
