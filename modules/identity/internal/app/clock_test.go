package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

const year = 365 * 24 * time.Hour

// clockTest is a fixture whose clock was wrong.
type clockTest struct {
	fixture
	limits func(*identity.Config)
}

// eachClock runs test once per engine with a clock that is ahead by so much, and, after its function back was called,
// right again; in the same process and in another one.
func eachClock(t *testing.T, test func(t *testing.T, h *clockTest, ahead time.Duration, back func())) {
	t.Parallel()
	limits := func(cfg *identity.Config) { cfg.AccountFailures, cfg.RegistrationsPerHour = 10, 3 }
	for name, ahead := range map[string]time.Duration{"an hour": time.Hour, "a year": year} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %t", name, restart), func(t *testing.T) {
				t.Parallel()
				databasetest.Each(t, func(t *testing.T, db *database.DB) {
					h := &clockTest{fixture: newFixture(t, db, limits), limits: limits}
					test(t, h, ahead, func() {
						if restart {
							now := h.clock.Now()
							h.fixture = newFixture(t, db, limits)
							h.clock.Advance(now.Sub(h.clock.Now()))
						}
						h.clock.Advance(-ahead)
					})
				})
			})
		}
	}
}

func (h *clockTest) signInAs(t *testing.T, email string, from app.From) app.Tokens {
	t.Helper()
	tokens, err := h.SignIn(t.Context(), domain.Credentials{Email: email, Password: secret}, from)
	require.NoError(t, err)
	return tokens
}

func (h *clockTest) requireSignedIn(t *testing.T, access string) auth.Principal {
	t.Helper()
	who, err := h.Authenticate(t.Context(), access)
	require.NoError(t, err)
	return who
}

// Users who signed in before the clock was wrong, or while it was, stay signed in, and all users can sign in.
func TestAClockThatGoesBackSignsNobodyOut(t *testing.T) {
	eachClock(t, func(t *testing.T, h *clockTest, ahead time.Duration, back func()) {
		h.registered(t, domain.Registration{Name: "Ravi", Email: "ravi@example.com", Password: secret})
		before := h.signInAs(t, "ravi@example.com", here)
		h.clock.Advance(ahead)
		h.registered(t, asha())
		first := h.signInAs(t, asha().Email, here)
		while := h.refreshed(t, first.Refresh)
		back()
		h.requireSignedIn(t, before.Access)
		if ahead <= 24*time.Hour {
			h.requireSignedIn(t, while.Access)
		}
		for _, refresh := range []string{before.Refresh, while.Refresh} {
			next := h.refreshed(t, refresh)
			who := h.requireSignedIn(t, next.Access)
			all, err := h.Sessions(t.Context(), who)
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.False(t, all[0].CreatedAt.After(h.clock.Now()))
			require.Equal(t, h.clock.Now(), all[0].LastUsedAt)
			require.Equal(t, h.clock.Now().Add(idle), all[0].ExpiresAt)
			h.clock.Advance(access)
			h.refreshed(t, next.Refresh)
			h.clock.Advance(-access)
		}
		for _, email := range []string{"ravi@example.com", asha().Email} {
			tokens := h.signInAs(t, email, here)
			h.requireSignedIn(t, tokens.Access)
			h.requireSignedIn(t, h.refreshed(t, tokens.Refresh).Access)
		}
	})
}

// A refresh token that was used while the clock was ahead is reused, not repeated, for as long as the clock was wrong.
func TestAClockThatGoesBackDoesNotRepeatSpentTokens(t *testing.T) {
	eachClock(t, func(t *testing.T, h *clockTest, ahead time.Duration, back func()) {
		h.registered(t, asha())
		used := h.signedIn(t) // before the clock was wrong
		h.refreshed(t, used.Refresh)
		h.clock.Advance(ahead)
		first, later := h.signedIn(t), h.signedIn(t)
		second, live := h.refreshed(t, first.Refresh), h.refreshed(t, later.Refresh)
		require.Equal(t, second.Refresh, h.refreshed(t, first.Refresh).Refresh, "a retry")
		back()
		h.refused(t, first.Refresh)
		h.refused(t, second.Refresh) // the session has ended
		_, err := h.Authenticate(t.Context(), second.Access)
		require.ErrorIs(t, err, auth.ErrInvalidToken)

		h.clock.Advance(2 * time.Minute)
		h.refused(t, used.Refresh)
		next := h.refreshed(t, live.Refresh)
		require.Equal(t, next.Refresh, h.refreshed(t, live.Refresh).Refresh, "a retry by the right clock")
		h.clock.Advance(domain.RetryWindow + time.Microsecond)
		h.refused(t, live.Refresh)
		h.refused(t, next.Refresh)
	})
}

// Attempts that were counted while the clock was ahead do not lock an account or a network for longer than usual, and
// the limits still hold.
func TestAClockThatGoesBackLocksNobodyOut(t *testing.T) {
	eachClock(t, func(t *testing.T, h *clockTest, ahead time.Duration, back func()) {
		h.registered(t, asha())
		guess := func(email string, from app.From) errs.Kind {
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: email, Password: "a guess"}, from)
			return errs.KindOf(err)
		}
		h.clock.Advance(ahead)
		for range 5 {
			require.Equal(t, errs.Unauthenticated, guess(asha().Email, network(1)))
			require.Equal(t, errs.Unauthenticated, guess(asha().Email, network(2)))
		}
		for n := range 15 {
			require.Equal(t, errs.Unauthenticated, guess(fmt.Sprintf("%d@example.com", n), network(2)))
		}
		require.Equal(t, errs.Throttled, guess(asha().Email, network(3)), "the account")
		require.Equal(t, errs.Throttled, guess("a@example.com", network(2)), "the network")
		for range 3 {
			require.Equal(t, 1, h.register(t))
		}
		require.Zero(t, h.register(t))
		back()
		require.Equal(t, errs.Unauthenticated, guess("b@example.com", network(2)), "the network")
		require.Equal(t, 1, h.register(t))
		require.Equal(t, errs.Unauthenticated, guess(asha().Email, network(1)), "one attempt at the account")
		require.Equal(t, errs.Throttled, guess(asha().Email, network(3)))
		h.clock.Advance(24 * time.Hour)
		tokens := h.signInAs(t, asha().Email, network(3))
		h.requireSignedIn(t, tokens.Access)
	})
}

// register registers an account from one network and returns the number of added accounts.
func (h *clockTest) register(t *testing.T) int {
	t.Helper()
	email := fmt.Sprintf("%d@new.example", time.Now().UnixNano())
	_, err := h.Register(t.Context(), domain.Registration{Name: "A", Email: email, Password: secret})
	if errs.KindOf(err) == errs.Throttled {
		return 0
	}
	require.NoError(t, err)
	return 1
}
