package app

import (
	"context"
	"errors"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
)

// NewAuthenticator tells the server who an access token belongs to.
func NewAuthenticator(tokens ports.Tokens, sessions ports.Sessions) auth.Authenticator {
	return &authenticator{tokens, sessions}
}

type authenticator struct {
	tokens   ports.Tokens
	sessions ports.Sessions
}

// Authenticate implements auth.Authenticator: the token's own word first, then one indexed query, so that a disabled user, a changed password
// and an ended session count from the next request on.
func (a *authenticator) Authenticate(ctx context.Context, token string) (auth.Principal, error) {
	claims, err := a.tokens.Verify(token)
	if err != nil {
		return auth.Principal{}, err
	}
	standing, err := a.sessions.Standing(ctx, identity.SessionID{UUID: claims.SessionID})
	if errors.Is(err, ports.ErrNotFound) {
		return auth.Principal{}, auth.ErrInvalidToken
	}
	if err != nil {
		return auth.Principal{}, err
	}
	if standing.UserID.UUID != claims.UserID || !standing.Active || standing.TokenVersion != claims.Version {
		return auth.Principal{}, auth.ErrInvalidToken
	}
	return auth.Principal{UserID: claims.UserID, SessionID: claims.SessionID, Role: auth.Role(standing.Role)}, nil
}
