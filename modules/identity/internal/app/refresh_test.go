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

// refreshed is the tokens that a refresh token is traded for.
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

	t.Run("gives the next refresh token and an access token of the same session", func(t *testing.T) {
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
	t.Run("spends the token, and leaves other sessions alone", func(t *testing.T) {
		other, first := h.signedIn(t), h.signedIn(t)
		h.refreshed(t, first.Refresh)
		h.clock.Advance(time.Hour) // no retry of a lost answer
		h.refused(t, first.Refresh)
		h.refreshed(t, other.Refresh)
	})
	t.Run("takes nothing that is no refresh token", func(t *testing.T) {
		tokens := h.signedIn(t)
		for _, blank := range []string{"", " ", "\t\n"} {
			_, err := h.Refresh(t.Context(), blank, here)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		}
		for _, text := range []string{"nonsense", tokens.Access, tokens.Refresh + "x", tokens.Refresh[1:], "' OR 1=1 --", "\x00", "%"} {
			h.refused(t, text)
		}
	})
	t.Run("is refused when a session was idle too long, and not a moment before", func(t *testing.T) {
		h := newFixture(t, db)
		on, off := h.signedIn(t), h.signedIn(t)
		h.clock.Advance(idle - time.Microsecond)
		h.refreshed(t, on.Refresh)
		h.clock.Advance(time.Microsecond)
		h.refused(t, off.Refresh)
	})
	t.Run("is refused when a session is too old, however busy it was", func(t *testing.T) {
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
	t.Run("is refused to a user who was deactivated, until they are active again", func(t *testing.T) {
		h := newFixture(t, db)
		tokens := h.signedIn(t)
		h.exec(t, `UPDATE users SET active = ?`, false)
		h.refused(t, tokens.Refresh)
		h.exec(t, `UPDATE users SET active = ?`, true)
		h.refreshed(t, tokens.Refresh)
	})
	t.Run("is refused after the session was ended", func(t *testing.T) {
		h := newFixture(t, db)
		tokens := h.signedIn(t)
		h.exec(t, `DELETE FROM sessions`)
		h.refused(t, tokens.Refresh)
	})
	t.Run("says that the store is down when it is, and not that the token is bad", func(t *testing.T) {
		tokens := h.signedIn(t)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Refresh(ended, tokens.Refresh, here)
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
	})
	t.Run("is refused to a user who was deleted", func(t *testing.T) { // last: it breaks the rules of the store
		tokens := h.signedIn(t)
		h.exec(t, `PRAGMA foreign_keys = OFF`)
		h.exec(t, `DELETE FROM users`)
		h.refused(t, tokens.Refresh)
	})
}

// a hundred tabs refresh one token at once. One successor is made, everybody gets it, and nobody is signed out.
func TestR13_RefreshesOfOneTokenAtOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		h.registered(t, asha())
		tokens := h.signedIn(t)
		var answers [100]app.Tokens
		var all sync.WaitGroup
		slots := make(chan struct{}, 16)
		for i := range answers {
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				answers[i], _ = h.Refresh(t.Context(), tokens.Refresh, here)
			})
		}
		all.Wait()
		for _, answer := range answers {
			require.Equal(t, answers[0].Refresh, answer.Refresh)
			_, err := h.Authenticate(t.Context(), answer.Access)
			require.NoError(t, err)
		}
		h.refreshed(t, answers[0].Refresh)
	})
}
