package auth

import (
	"fmt"
	"slices"
)

// Access determines who may call an operation. x-access in the contract declares it. The zero Access allows no caller.
type Access struct {
	public   bool
	everyone bool
	roles    []Role
}

// The values of x-access besides a list of roles.
const (
	Public        = "public"        // anyone; an Authorization header is ignored
	Authenticated = "authenticated" // every signed-in user, with any role
)

// ParseAccess parses an x-access value: public, authenticated, or a list of roles such as [staff, admin]. A list
// excludes all other roles, so that a role that is declared later may call an operation only if x-access names it.
// Errors: a plain error that names the value.
func ParseAccess(value any) (Access, error) {
	switch value {
	case Public:
		return Access{public: true}, nil
	case Authenticated:
		return Access{everyone: true}, nil
	}
	names, _ := value.([]any)
	var access Access
	for _, name := range names {
		role, ok := name.(string)
		if !ok || !named.MatchString(role) {
			return Access{}, fmt.Errorf("unknown access %v: %v is not the name of a role", value, name)
		}
		access.roles = append(access.roles, Role(role))
	}
	if len(access.roles) == 0 {
		return Access{}, fmt.Errorf("unknown access %v: want %q, %q or a list of roles", value, Public, Authenticated)
	}
	return access, nil
}

// IsPublic reports whether the operation needs no access token.
func (a Access) IsPublic() bool { return a.public }

// Allows reports whether a signed-in user with the role may call the operation.
func (a Access) Allows(role Role) bool {
	return a.public || a.everyone || slices.Contains(a.roles, role)
}

// Roles returns the roles that x-access names, or nil for public and authenticated.
func (a Access) Roles() []Role { return a.roles }
