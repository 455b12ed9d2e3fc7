package app_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// refreshed returns the tokens for a refresh token.
func (h fixture) refreshed(t *testing.T, refresh string) app.Tokens {
	t.Helper()
	tokens, err := h.Refresh(t.Context(), refresh, here)
	require.NoError(t, err)
	return tokens
}

func (h fixture) refused(t *testing.T, refresh string) {
	t.Helper()
	tokens, err := h.Refresh(t.Context(), refresh, here)
	require.ErrorIs(t, err, identity.ErrInvalidRefresh)
	require.Zero(t, tokens)
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	h := newFixture(t, db)
	user := h.registered(t, asha())

	t.Run("returns the next refresh token and an access token of the same session", func(t *testing.T) {
		first := h.signedIn(t)
		second := h.refreshed(t, first.Refresh)
		require.NotEqual(t, first.Refresh, second.Refresh)
		require.Equal(t, access, second.ExpiresIn)
		before, err := h.Authenticate(t.Context(), first.Access)
		require.NoError(t, err)
		after, err := h.Authenticate(t.Context(), second.Access)
		require.NoError(t, err)
		require.Equal(t, before, after)
		require.Equal(t, user.ID.UUID, after.UserID)
		h.refreshed(t, second.Refresh)
	})
	t.Run("invalidates the token, but not other sessions", func(t *testing.T) {
		other, first := h.signedIn(t), h.signedIn(t)
		h.refreshed(t, first.Refresh)
		h.clock.Advance(time.Hour) // beyond the retry window
		h.refused(t, first.Refresh)
		h.refreshed(t, other.Refresh)
	})
	t.Run("accepts only refresh tokens", func(t *testing.T) {
		tokens := h.signedIn(t)
		for _, blank := range []string{"", " ", "\t\n"} {
			_, err := h.Refresh(t.Context(), blank, here)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		}
		for _, text := range []string{"nonsense", tokens.Access, tokens.Refresh + "x", tokens.Refresh[1:],
			"' OR 1=1 --", "\x00", "%"} {
			h.refused(t, text)
		}
	})
	t.Run("is rejected exactly when the idle lifetime ends", func(t *testing.T) {
		h := newFixture(t, db)
		on, off := h.signedIn(t), h.signedIn(t)
		h.clock.Advance(idle - time.Microsecond)
		h.refreshed(t, on.Refresh)
		h.clock.Advance(time.Microsecond)
		h.refused(t, off.Refresh)
	})
	t.Run("is rejected at the end of the session's lifetime, even if it was in use", func(t *testing.T) {
		h := newFixture(t, db)
		tokens := h.signedIn(t)
		for range int(absolute/(12*time.Hour)) - 1 {
			h.clock.Advance(12 * time.Hour)
			tokens = h.refreshed(t, tokens.Refresh)
		}
		h.clock.Advance(12*time.Hour - time.Microsecond)
		tokens = h.refreshed(t, tokens.Refresh)
		h.clock.Advance(time.Microsecond)
		h.refused(t, tokens.Refresh)
	})
	t.Run("is rejected while the user is disabled", func(t *testing.T) {
		h := newFixture(t, db)
		tokens := h.signedIn(t)
		h.exec(t, `UPDATE users SET active = ?`, false)
		h.refused(t, tokens.Refresh)
		h.exec(t, `UPDATE users SET active = ?`, true)
		h.refreshed(t, tokens.Refresh)
	})
	t.Run("is rejected after the session was ended", func(t *testing.T) {
		h := newFixture(t, db)
		tokens := h.signedIn(t)
		h.exec(t, `DELETE FROM sessions`)
		h.refused(t, tokens.Refresh)
	})
	t.Run("returns Unavailable if the store is down", func(t *testing.T) {
		tokens := h.signedIn(t)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Refresh(ended, tokens.Refresh, here)
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
	})
	t.Run("is rejected after the user was deleted", func(t *testing.T) { // last, because it violates foreign keys
		tokens := h.signedIn(t)
		h.exec(t, `PRAGMA foreign_keys = OFF`)
		h.exec(t, `DELETE FROM users`)
		h.refused(t, tokens.Refresh)
	})
}

// a hundred concurrent refreshes of one token get the same successor, and the session stays alive.
func TestR13_ConcurrentRefreshesOfOneToken(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		h.registered(t, asha())
		tokens := h.signedIn(t)
		var responses [100]app.Tokens
		var all sync.WaitGroup
		slots := make(chan struct{}, 16)
		for i := range responses {
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				responses[i], _ = h.Refresh(t.Context(), tokens.Refresh, here)
			})
		}
		all.Wait()
		for _, response := range responses {
			require.Equal(t, responses[0].Refresh, response.Refresh)
			_, err := h.Authenticate(t.Context(), response.Access)
			require.NoError(t, err)
		}
		h.refreshed(t, responses[0].Refresh)
	})
}
