package app_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// network is a client of a /24 of its own.
func network(n int) app.From {
	return app.From{Agent: "bot", Address: netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 1})}
}

// however many clients guess, and for how long, an account's password is checked a hundred times at most; and its user still
// signs in from where they did before.
func TestR15_R16_GuessingIsBoundedAndTheVictimSignsIn(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newHouse(t, db)
		for what, email := range map[string]string{"an account": asha().Email, "no account": "nobody@example.com"} {
			known := what == "an account"
			if known {
				h.registered(t, asha())
				h.signedIn(t)
			}
			t.Run("of "+what, func(t *testing.T) {
				before := h.passwords.verified.Load()
				refused := 0
				for client := range 150 {
					for range 3 {
						_, err := h.SignIn(t.Context(), domain.Credentials{Email: email, Password: "a guess"}, network(client))
						if errs.KindOf(err) == errs.Throttled {
							refused++
						} else {
							require.ErrorIs(t, err, identity.ErrInvalidCredentials)
						}
					}
				}
				require.EqualValues(t, 100, h.passwords.verified.Load()-before, "checks of the password")
				require.Equal(t, 350, refused)
				_, err := h.SignIn(t.Context(), domain.Credentials{Email: email, Password: secret}, network(999))
				require.Equal(t, errs.Throttled, errs.KindOf(err), "the right password from where nobody signed in before")
				if known {
					h.signedIn(t) // from where they did before
				}
			})
		}
	})
}

// At the same moment no more get through.
func TestR15_GuessesAtOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newHouse(t, db)
		h.registered(t, asha())
		before := h.passwords.verified.Load()
		var all sync.WaitGroup
		slots := make(chan struct{}, 16)
		for i := range 200 {
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				_, _ = h.SignIn(t.Context(), domain.Credentials{Email: asha().Email, Password: "a guess"}, network(i))
			})
		}
		all.Wait()
		require.LessOrEqual(t, h.passwords.verified.Load()-before, int32(100))
		require.Greater(t, h.passwords.verified.Load()-before, int32(90))
	})
}

// One client is slowed down, and told for how long; what it does does not keep others out.
func TestR16_AClientThatGuessesWaitsLongerAndLonger(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newHouse(t, db)
		h.registered(t, asha())
		try := func(password string, from app.From) error {
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: asha().Email, Password: password}, from)
			return err
		}
		for range 5 {
			require.ErrorIs(t, try("a guess", network(1)), identity.ErrInvalidCredentials)
		}
		for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
			var throttled *errs.Error
			require.ErrorAs(t, try(secret, network(1)), &throttled)
			require.Equal(t, errs.Throttled, throttled.Kind)
			require.Equal(t, wait, throttled.RetryAfter)
			h.clock.Advance(wait)
			require.ErrorIs(t, try("a guess", network(1)), identity.ErrInvalidCredentials)
		}
		require.NoError(t, try(secret, network(2)))
		h.clock.Advance(16 * time.Second)
		require.NoError(t, try(secret, network(1)), "the right password after the wait")
		require.ErrorIs(t, try("a guess", network(1)), identity.ErrInvalidCredentials, "and everything is forgiven")
	})
}

// One client that tries one password at many accounts is stopped, and nobody else.
func TestR16_SprayingIsBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newHouse(t, db)
		h.registered(t, asha())
		counted := 0
		for i := range 50 {
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: fmt.Sprintf("%d@example.com", i), Password: "a guess"}, network(1))
			if errs.KindOf(err) != errs.Throttled {
				counted++
			}
		}
		require.Equal(t, 20, counted)
		h.signedIn(t)
		h.clock.Advance(10 * time.Minute)
		_, err := h.SignIn(t.Context(), domain.Credentials{Email: asha().Email, Password: secret}, network(1))
		require.NoError(t, err)
	})
}
