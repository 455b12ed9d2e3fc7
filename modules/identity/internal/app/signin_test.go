package app_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/password"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t))
	user := h.registered(t, asha())
	inactive := h.registered(t, domain.Registration{Name: "I", Email: "inactive@example.com", Password: secret})
	h.exec(t, `UPDATE users SET active = ? WHERE id = ?`, false, inactive.ID)

	t.Run("returns an access token of the user", func(t *testing.T) {
		tokens := h.signedIn(t)
		require.Equal(t, access, tokens.ExpiresIn)
		caller, err := h.Authenticate(t.Context(), tokens.Access)
		require.NoError(t, err)
		require.Equal(t, user.ID.UUID, caller.UserID)
	})
	t.Run("starts a new session each time", func(t *testing.T) {
		one, other := h.signedIn(t), h.signedIn(t)
		require.NotEqual(t, one.Refresh, other.Refresh)
		first, err := h.Authenticate(t.Context(), one.Access)
		require.NoError(t, err)
		second, err := h.Authenticate(t.Context(), other.Access)
		require.NoError(t, err)
		require.NotEqual(t, first.SessionID, second.SessionID)
	})
	for name, credentials := range map[string]domain.Credentials{
		"an unknown address":               {Email: "nobody@example.com", Password: secret},
		"a wrong password":                 {Email: user.Email, Password: "wrong horse"},
		"a password in another case":       {Email: user.Email, Password: "Correct horse"},
		"an inactive user":                 {Email: inactive.Email, Password: secret},
		"an inactive user, wrong password": {Email: inactive.Email, Password: "wrong horse"},
		"a malformed address":              {Email: "nobody", Password: secret},
	} {
		t.Run("rejects "+name+" like any other failure, after the same work (R-14)", func(t *testing.T) {
			before := h.passwords.verified.Load()
			tokens, err := h.SignIn(t.Context(), credentials, here)
			require.Same(t, identity.ErrInvalidCredentials, err)
			require.Zero(t, tokens)
			require.Equal(t, before+1, h.passwords.verified.Load())
		})
	}
	t.Run("reports missing fields, without a hash", func(t *testing.T) {
		before := h.passwords.verified.Load()
		_, err := h.SignIn(t.Context(), domain.Credentials{}, here)
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Equal(t, before, h.passwords.verified.Load())
	})
	t.Run("starts no session if it fails", func(t *testing.T) {
		var sessions int
		require.NoError(t, h.db.Read(t.Context()).Raw(`SELECT count(*) FROM sessions WHERE user_id = ?`,
			inactive.ID).Scan(&sessions).Error)
		require.Zero(t, sessions)
	})
}

func TestStaleHash(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t))
	user := h.registered(t, asha())
	h.passwords.Passwords = hashing(t, 128) // different parameters

	t.Run("stays after a wrong password", func(t *testing.T) {
		_, err := h.SignIn(t.Context(), domain.Credentials{Email: user.Email, Password: "wrong horse"}, here)
		require.ErrorIs(t, err, identity.ErrInvalidCredentials)
		require.Equal(t, user, h.stored(t, user))
	})
	t.Run("does not prevent a sign-in if it cannot be renewed", func(t *testing.T) {
		h.passwords.busy = password.ErrBusy
		h.signedIn(t)
		h.passwords.busy = errors.New("broken")
		h.signedIn(t)
		h.passwords.busy = nil
		require.Equal(t, user, h.stored(t, user))
	})
	t.Run("is renewed once, at the next sign-in, without other changes", func(t *testing.T) {
		h.signedIn(t)
		renewed := h.stored(t, user)
		require.Contains(t, renewed.PasswordHash, "$m=128,")
		h.signedIn(t)
		require.Equal(t, renewed, h.stored(t, user))
		renewed.PasswordHash = user.PasswordHash
		require.Equal(t, user, renewed)
	})
}

// The first sign-in from a network is announced, unless the account knows no other network.
func TestSignInFromANewNetwork(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		user := h.registered(t, asha())
		signIn := func(password string, from app.From) {
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: asha().Email, Password: password}, from)
			if password != secret {
				require.ErrorIs(t, err, identity.ErrInvalidCredentials)
				return
			}
			require.NoError(t, err)
		}
		signIn(secret, here)
		signIn(secret, here)
		signIn("a guess", network(1))
		require.Empty(t, *h.announced)
		h.clock.Advance(time.Minute)
		signIn(secret, network(1))
		signIn(secret, network(1))
		want := []identity.SignedInFromNewNetwork{{User: user.ID, At: now.Add(time.Minute)}}
		require.Equal(t, want, *h.announced)
	})
}
