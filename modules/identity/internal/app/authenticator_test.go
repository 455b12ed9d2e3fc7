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
		who, err := h.Authenticate(t.Context(), token)
		require.ErrorIs(t, err, auth.ErrInvalidToken)
		require.Zero(t, who)
	}
	accepted := func(t *testing.T, token string) auth.Principal {
		t.Helper()
		who, err := h.Authenticate(t.Context(), token)
		require.NoError(t, err)
		return who
	}
	tokens := h.signedIn(t)

	t.Run("tells who a token was issued to, and by which session", func(t *testing.T) {
		who := accepted(t, tokens.Access)
		require.Equal(t, user.ID.UUID, who.UserID)
		require.NotZero(t, who.SessionID)
	})
	t.Run("refuses what is no access token", func(t *testing.T) {
		for _, text := range []string{"", "nonsense", tokens.Refresh, tokens.Access + "x", "a.b.c"} {
			refused(t, text)
		}
	})
	t.Run("refuses a token that has expired", func(t *testing.T) {
		h.clock.Advance(access)
		accepted(t, tokens.Access) // two clocks may differ by 30 s
		h.clock.Advance(time.Minute)
		refused(t, tokens.Access)
		tokens = h.signedIn(t)
	})
	t.Run("refuses a deactivated user at once", func(t *testing.T) {
		h.exec(t, `UPDATE users SET active = ? WHERE id = ?`, false, user.ID)
		refused(t, tokens.Access)
		h.exec(t, `UPDATE users SET active = ? WHERE id = ?`, true, user.ID)
		accepted(t, tokens.Access)
	})
	t.Run("refuses tokens of another version at once, and takes those that are issued then", func(t *testing.T) {
		h.exec(t, `UPDATE users SET token_version = token_version + 1 WHERE id = ?`, user.ID)
		refused(t, tokens.Access)
		tokens = h.refreshed(t, tokens.Refresh)
		accepted(t, tokens.Access)
	})
	t.Run("refuses a session that was ended at once, and no other", func(t *testing.T) {
		second := h.signedIn(t)
		h.exec(t, `DELETE FROM sessions WHERE id = ?`, accepted(t, second.Access).SessionID)
		refused(t, second.Access)
		accepted(t, tokens.Access)
	})
	t.Run("refuses a session that is another user's, or nobody's", func(t *testing.T) {
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
	t.Run("says that the store is down when it is, and not that the token is bad", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		who, err := h.Authenticate(ended, tokens.Access)
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		require.Zero(t, who)
	})
}
