package auth

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Role is what a user is in the house. It says which operations a user may call (Access), never which records they see: that is the scope
// of the module that owns them.
type Role string

// The ground floor. Further roles are declared by the module that brings them.
const (
	Staff Role = "staff" // everyone who registers
	Admin Role = "admin" // keeps accounts; sees no more patients than staff does
)

var named = regexp.MustCompile(`^[a-z][a-z_]{0,31}$`)

// Declaration makes a role known, so that users can be given it and operations can name it.
type Declaration struct {
	Role        Role
	Description string // one sentence, for people

	// Fits says whether a user may be given the role, for roles that stand for a record, such as a doctor's: the module that keeps
	// the link knows. nil means that anyone may. Errors: errs.Conflict, saying what is missing; the store's.
	Fits func(ctx context.Context, user uuid.UUID) error
}

// Roles are those that are declared.
type Roles map[Role]Declaration

// NewRoles collects declarations. Errors: a name that is none, or that is declared twice.
func NewRoles(declarations ...Declaration) (Roles, error) {
	roles := Roles{}
	for _, d := range declarations {
		if !named.MatchString(string(d.Role)) {
			return nil, fmt.Errorf("role %q: want 1 to 32 of a-z and _", d.Role)
		}
		if _, twice := roles[d.Role]; twice {
			return nil, fmt.Errorf("role %s is declared twice", d.Role)
		}
		roles[d.Role] = d
	}
	return roles, nil
}

// Names are the declared roles in alphabetical order.
func (r Roles) Names() []Role { return slices.Sorted(maps.Keys(r)) }

// String lists the names, for people.
func (r Roles) String() string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(r.Names()), "[]"), " ", ", ")
}
