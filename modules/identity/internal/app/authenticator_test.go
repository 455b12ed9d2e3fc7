package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t))
	user := h.registered(t, asha())
	other := h.registered(t, domain.Registration{Name: "O", Email: "other@example.com", Password: secret})
	refused := func(t *testing.T, token string) {
		t.Helper()
		caller, err := h.Authenticate(t.Context(), token)
		require.ErrorIs(t, err, auth.ErrInvalidToken)
		require.Zero(t, caller)
	}
	accepted := func(t *testing.T, token string) auth.Principal {
		t.Helper()
		caller, err := h.Authenticate(t.Context(), token)
		require.NoError(t, err)
		return caller
	}
	tokens := h.signedIn(t)

	t.Run("returns the user and the session of a token", func(t *testing.T) {
		caller := accepted(t, tokens.Access)
		require.Equal(t, user.ID.UUID, caller.UserID)
		require.NotZero(t, caller.SessionID)
	})
	t.Run("rejects anything but an access token", func(t *testing.T) {
		for _, text := range []string{"", "nonsense", tokens.Refresh, tokens.Access + "x", "a.b.c"} {
			refused(t, text)
		}
	})
	t.Run("rejects an expired token", func(t *testing.T) {
		h.clock.Advance(access)
		accepted(t, tokens.Access) // clocks may differ by 30 s
		h.clock.Advance(time.Minute)
		refused(t, tokens.Access)
		tokens = h.signedIn(t)
	})
	t.Run("rejects a disabled user at once", func(t *testing.T) {
		h.exec(t, `UPDATE users SET active = ? WHERE id = ?`, false, user.ID)
		refused(t, tokens.Access)
		h.exec(t, `UPDATE users SET active = ? WHERE id = ?`, true, user.ID)
		accepted(t, tokens.Access)
	})
	t.Run("rejects tokens of an older version at once, and accepts new ones", func(t *testing.T) {
		h.exec(t, `UPDATE users SET token_version = token_version + 1 WHERE id = ?`, user.ID)
		refused(t, tokens.Access)
		tokens = h.refreshed(t, tokens.Refresh)
		accepted(t, tokens.Access)
	})
	t.Run("rejects an ended session at once, and no other", func(t *testing.T) {
		second := h.signedIn(t)
		h.exec(t, `DELETE FROM sessions WHERE id = ?`, accepted(t, second.Access).SessionID)
		refused(t, second.Access)
		accepted(t, tokens.Access)
	})
	t.Run("rejects a session of another user, or an unknown one", func(t *testing.T) {
		session := accepted(t, tokens.Access).SessionID
		for _, claims := range []ports.Claims{
			{UserID: other.ID.UUID, SessionID: session, Version: 1}, {UserID: other.ID.UUID, SessionID: session},
			{UserID: user.ID.UUID, SessionID: uuid.Must(uuid.NewV7()), Version: 1},
		} {
			forged, err := h.tokens.Issue(claims)
			require.NoError(t, err)
			refused(t, forged)
		}
	})
	t.Run("returns Unavailable if the store is down", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		caller, err := h.Authenticate(ended, tokens.Access)
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		require.Zero(t, caller)
	})
}
