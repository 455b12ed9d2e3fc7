package auth

import (
	"fmt"
	"slices"
)

// Access says who may call an operation. It stands in the contract as x-access; the zero Access is nobody.
type Access struct {
	public   bool
	everyone bool
	roles    []Role
}

// What x-access may say beside a list of roles.
const (
	Public        = "public"        // anyone; an Authorization header is ignored
	Authenticated = "authenticated" // every signed-in user, whatever their role
)

// ParseAccess reads an x-access value: public, authenticated, or a list of roles such as [staff, admin]. A role that the list does not name
// is refused, so one that is declared later may call nothing that does not say so. Errors: a plain error that names the value.
func ParseAccess(said any) (Access, error) {
	switch said {
	case Public:
		return Access{public: true}, nil
	case Authenticated:
		return Access{everyone: true}, nil
	}
	names, _ := said.([]any)
	var access Access
	for _, name := range names {
		role, ok := name.(string)
		if !ok || !named.MatchString(role) {
			return Access{}, fmt.Errorf("unknown access %v: %v is not the name of a role", said, name)
		}
		access.roles = append(access.roles, Role(role))
	}
	if len(access.roles) == 0 {
		return Access{}, fmt.Errorf("unknown access %v: want %q, %q or a list of roles", said, Public, Authenticated)
	}
	return access, nil
}

// IsPublic says that nobody need sign in.
func (a Access) IsPublic() bool { return a.public }

// Allows says whether a signed-in user of that role may call.
func (a Access) Allows(role Role) bool {
	return a.public || a.everyone || slices.Contains(a.roles, role)
}

// Roles are those that are named; none for public and authenticated.
func (a Access) Roles() []Role { return a.roles }
