package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// each runs test once per engine, with empty repositories.
func each(t *testing.T, test func(t *testing.T, db *database.DB, users ports.Users, sessions ports.Sessions)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		test(t, db, store.NewUsers(db), store.NewSessions(db, clock.At(now)))
	})
}

// asha returns a user with an address.
func asha(email, username string) domain.User {
	return domain.User{
		ID: recordid.New[identity.UserID](), Name: "Asha Rao ä𝒜", Email: email, Username: username,
		PasswordHash: "$argon2id$first",
		Role:         "staff", Active: true, TokenVersion: 3, Version: 5, CreatedAt: now,
		UpdatedAt: now.Add(time.Microsecond),
	}
}

// added stores a user and returns it.
func added(t *testing.T, users ports.Users, user domain.User) domain.User {
	t.Helper()
	require.NoError(t, users.Add(t.Context(), user))
	return user
}

func found(t *testing.T, users ports.Users, id identity.UserID) domain.User {
	t.Helper()
	user, err := users.Find(t.Context(), id)
	require.NoError(t, err)
	return user
}

// started stores a session of the user and returns it.
func started(t *testing.T, sessions ports.Sessions, user domain.User, at, expires time.Time) domain.Session {
	t.Helper()
	session := session(user.ID, at, expires)
	require.NoError(t, sessions.Add(t.Context(), session, user.PasswordHash))
	return session
}

func session(user identity.UserID, at, expires time.Time) domain.Session {
	return domain.Session{
		ID: recordid.New[identity.SessionID](), UserID: user, Generation: 7,
		From:      domain.Origin{Agent: "curl/8 ä𝒜", Network: "203.0.113.0/24"},
		CreatedAt: at, LastUsedAt: at, ExpiresAt: expires,
	}
}

// since returns the party of a capacity from now on.
func since(capacity auth.Capacity) domain.Party { return domain.Party{Capacity: capacity, Since: now} }

// attemptLimits are the defaults.
var attemptLimits = domain.AttemptLimits{FreeAttempts: 5, AccountFailures: 100, ClientFailures: 20}
