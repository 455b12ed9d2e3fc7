package app

import (
	"context"
	"errors"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
)

// NewAuthenticator returns the authenticator of access tokens.
func NewAuthenticator(tokens ports.Tokens, sessions ports.Sessions) auth.Authenticator {
	return &authenticator{tokens, sessions}
}

type authenticator struct {
	tokens   ports.Tokens
	sessions ports.Sessions
}

// Authenticate implements auth.Authenticator. It verifies the token, then queries the store once, so that a disabled
// user, a reset password and an ended session take effect with the next request.
func (a *authenticator) Authenticate(ctx context.Context, token string) (auth.Principal, error) {
	claims, err := a.tokens.Verify(token)
	if err != nil {
		return auth.Principal{}, err
	}
	standing, capacities, err := a.sessions.Standing(ctx, identity.SessionID{UUID: claims.SessionID})
	if errors.Is(err, ports.ErrNotFound) {
		return auth.Principal{}, auth.ErrInvalidToken
	}
	if err != nil {
		return auth.Principal{}, err
	}
	if standing.UserID.UUID != claims.UserID || !standing.Active || standing.TokenVersion != claims.Version {
		return auth.Principal{}, auth.ErrInvalidToken
	}
	return auth.Principal{
		UserID: claims.UserID, SessionID: claims.SessionID, Role: auth.Role(standing.Role), For: capacities,
	}, nil
}
