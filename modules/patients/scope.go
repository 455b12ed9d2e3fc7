package patients

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/platform/auth"
)

// Level is what a grant allows. The owner of a patient has the level Keep without a grant.
type Level string

// The levels, each of which includes those before it.
const (
	Read  Level = "read"  // read the patient, the care team and the access log
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

// Scope is a set of patients to which a statement is narrowed: results are never filtered afterwards. It has the
// patients that one user owns, and those granted to certain grantees at a certain level and time. The zero Scope is
// empty.
type Scope struct {
	owner    uuid.UUID
	grantees []uuid.UUID // nil for most users
	level    Level
	at       time.Time
}

// OwnedBy returns the scope of the patients that the user owns.
func OwnedBy(user uuid.UUID) Scope { return Scope{owner: user} }

// VisibleTo returns the scope of the patients that a user may read at a time.
func VisibleTo(who auth.Principal, at time.Time) Scope { return atLeast(Read, who, at) }

// ChangeableBy returns the scope of the patients whose details a user may change at a time.
func ChangeableBy(who auth.Principal, at time.Time) Scope { return atLeast(Write, who, at) }

func atLeast(level Level, who auth.Principal, at time.Time) Scope {
	scope := OwnedBy(who.UserID)
	for _, capacity := range who.For {
		switch capacity.Kind {
		case auth.AsDoctor, auth.AsSelf:
			scope.grantees = append(scope.grantees, capacity.ID)
		}
	}
	if scope.grantees != nil {
		scope.level, scope.at = level, at
	}
	return scope
}

// Owner returns the user who owns patients of the scope.
func (s Scope) Owner() uuid.UUID { return s.owner }

// Grants returns the grantees whose patients are in the scope beside the owner's, the levels of the grants that count,
// and the time at which they must not have expired. Without grantees the scope has owned patients only.
func (s Scope) Grants() (grantees []uuid.UUID, levels []Level, at time.Time) {
	return s.grantees, s.level.AndAbove(), s.at
}
