// Package auth names who acts and who may call an operation. modules/identity implements Authenticator; everyone else
// only holds these types, so that no module needs to know how people sign in.
package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"healthcare/platform/errs"
)

// Principal is the signed-in user on whose behalf a use case acts.
type Principal struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
}

// Access says who may call an operation. It stands in the contract as x-access; the zero Access is nobody.
type Access string

// Who may call an operation.
const (
	Public        Access = "public"        // anyone; an Authorization header is ignored
	Authenticated Access = "authenticated" // every signed-in user
)

// ParseAccess reads an x-access value. Errors: a plain error that names the value.
func ParseAccess(s string) (Access, error) {
	switch a := Access(s); a {
	case Public, Authenticated:
		return a, nil
	}
	return "", fmt.Errorf("unknown access %q: want %q or %q", s, Public, Authenticated)
}

// ErrUnauthenticated is the one answer to a missing, malformed, forged, expired or revoked access token.
var ErrUnauthenticated = errs.New(errs.Unauthenticated, "not_authenticated", "Authentication credentials were not provided or are not valid.")

// Authenticator turns an access token into the user it was issued to.
type Authenticator interface {
	// Authenticate verifies token and that its user and session are still in good standing.
	// Errors: ErrUnauthenticated; errs.Unavailable.
	Authenticate(ctx context.Context, token string) (Principal, error)
}
