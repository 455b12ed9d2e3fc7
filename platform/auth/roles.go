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

// Role is the role of a user. It determines which operations the user may call (Access), not which records the user may
// see: the module that owns the records defines their scope.
type Role string

// The basic roles. Modules declare further ones.
const (
	Staff Role = "staff" // every user who registers
	Admin Role = "admin" // administers accounts; sees no more patients than staff
)

var named = regexp.MustCompile(`^[a-z][a-z_]{0,31}$`)

// Valid reports whether the name fits the contract and the store.
func (r Role) Valid() bool { return named.MatchString(string(r)) }

// Roles are the declared roles. Users can be assigned them, and operations can name them.
type Roles map[Role]Declaration

// Declaration describes a role.
type Declaration struct {
	Description string // one sentence for administrators

	// Fits returns an error unless the user may have the role; nil allows every user. Errors: those of a Requirement.
	Fits func(ctx context.Context, user uuid.UUID) error
}

// Requirement is the condition of a role that requires a record, such as a doctor's.
type Requirement struct {
	Role Role

	// Fits returns an error unless the user may have the role. Errors: errs.Conflict, which names the missing record;
	// those of the store.
	Fits func(ctx context.Context, user uuid.UUID) error
}

// Require adds requirements to the roles. Errors: plain, for an undeclared role, and for two requirements of one role.
func (r Roles) Require(requirements ...Requirement) error {
	for _, required := range requirements {
		declared, ok := r[required.Role]
		if !ok {
			return fmt.Errorf("the role %s has a requirement and is not declared", required.Role)
		}
		if declared.Fits != nil {
			return fmt.Errorf("the role %s has two requirements", required.Role)
		}
		declared.Fits = required.Fits
		r[required.Role] = declared
	}
	return nil
}

// Names returns the declared roles in alphabetical order.
func (r Roles) Names() []Role { return slices.Sorted(maps.Keys(r)) }

// String returns the names, separated by commas.
func (r Roles) String() string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(r.Names()), "[]"), " ", ", ")
}
