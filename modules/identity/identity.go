// Package identity is the public face of the identity module: users, their credentials and sessions. Other modules never ask it
// anything: they know who acts by the auth.Principal that its auth.Authenticator gives the server.
package identity

import (
	"time"

	"github.com/google/uuid"

	"healthcare/platform/errs"
)

// UserID identifies a user: a UUID, version 7.
type UserID struct{ uuid.UUID }

// SessionID identifies a session, which lives from a login until it is logged out or expires: a UUID, version 7.
type SessionID struct{ uuid.UUID }

// AccessTokenKeys is the purpose of the keys that sign access tokens, as platform/keyring derives them; a key's id is the token's kid.
const AccessTokenKeys = "access token"

// Config is what an operator decides about sign-in.
type Config struct {
	AccessTokenLifetime time.Duration // how long an access token is good
	SessionIdleLifetime time.Duration // how long a refresh token is good when it is not used
	SessionLifetime     time.Duration // how long a session lives at most

	// argon2id (RFC 9106) and the gate in front of it.
	HashMemory      uint32 // KiB
	HashIterations  uint32
	HashParallelism uint8
	HashSlots       int // hashes at once; 0: one less than the processors, at least 1
	HashQueue       int // hashes waiting for a slot
	HashWait        time.Duration
}

// What the module refuses.
var (
	ErrEmailTaken         = errs.New(errs.Conflict, "email_taken", "An account with this e-mail address already exists.")
	ErrInvalidCredentials = errs.New(errs.Unauthenticated, "invalid_credentials", "No active account found with the given credentials.")
	ErrInvalidRefresh     = errs.New(errs.Unauthenticated, "token_not_valid", "The refresh token is invalid or expired.")
)
