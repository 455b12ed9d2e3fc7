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

// Role is the role of a user. It determines which operations the user may call (Access), never which records the user
// sees, which is the scope of the module that owns the records.
type Role string

// The basic roles. Modules declare further ones.
const (
	Staff Role = "staff" // every user who registers
	Admin Role = "admin" // administers accounts; sees no more patients than staff
)

var named = regexp.MustCompile(`^[a-z][a-z_]{0,31}$`)

// Declaration makes a role known, so that users can be given it and operations can name it.
type Declaration struct {
	Role        Role
	Description string // one sentence, for people

	// Fits returns an error unless the user may have the role. It is for roles that require a record, such as a
	// doctor's; nil allows every user. Errors: errs.Conflict, which names the missing record; those of the store.
	Fits func(ctx context.Context, user uuid.UUID) error
}

// Roles are the declared roles.
type Roles map[Role]Declaration

// NewRoles collects declarations. Errors: plain, for an invalid name and for one that is declared twice.
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

// Names returns the declared roles in alphabetical order.
func (r Roles) Names() []Role { return slices.Sorted(maps.Keys(r)) }

// String returns the names as a list for people.
func (r Roles) String() string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(r.Names()), "[]"), " ", ", ")
}
