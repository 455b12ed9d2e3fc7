// Package auth names who acts and who may call an operation. modules/identity implements Authenticator; everyone else
// only holds these types, so that no module needs to know how people sign in.
package auth

import (
	"context"

	"github.com/google/uuid"

	"healthcare/platform/errs"
)

// Principal is the signed-in user on whose behalf a use case acts.
type Principal struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
	Role      Role
}

// What a caller is refused for before anything is done.
var (
	// ErrUnauthenticated is the answer to a request without an access token.
	ErrUnauthenticated = errs.New(errs.Unauthenticated, "not_authenticated", "Authentication credentials were not provided.")

	// ErrInvalidToken is the one answer to a malformed, forged, expired or revoked access token, and to one of a user who may not sign in.
	ErrInvalidToken = errs.New(errs.Unauthenticated, "token_not_valid", "The access token is not valid or has expired.")

	// ErrForbidden is the answer to a role that may not call the operation, whatever it names.
	ErrForbidden = errs.New(errs.Forbidden, "forbidden", "Your role does not allow this.")
)

// Authenticator turns an access token into the user it was issued to.
type Authenticator interface {
	// Authenticate verifies token and that its user and session are still in good standing.
	// Errors: ErrInvalidToken; errs.Unavailable.
	Authenticate(ctx context.Context, token string) (Principal, error)
}
