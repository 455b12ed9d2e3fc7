package app_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/admission"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

// network returns a client in the nth network (/24).
func network(n int) app.From {
	return app.From{Agent: "bot", Address: netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 1})}
}

// an account's password is checked at most a hundred times, for any number of guessing clients, and its
// user can still sign in from a known network.
func TestR15_R16_GuessingIsBoundedAndTheUserCanSignIn(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		for name, email := range map[string]string{"an account": asha().Email, "no account": "nobody@example.com"} {
			known := name == "an account"
			if known {
				h.registered(t, asha())
				h.signedIn(t)
			}
			t.Run("of "+name, func(t *testing.T) {
				before := h.passwords.verified.Load()
				refused := 0
				for client := range 150 {
					for range 3 {
						_, err := h.SignIn(t.Context(), domain.Credentials{Email: email, Password: "a guess"},
							network(client))
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
				require.Equal(t, errs.Throttled, errs.KindOf(err), "the right password from an unknown network")
				if known {
					h.signedIn(t) // from a known network
				}
			})
		}
	})
}

// Concurrent guesses do not exceed the limit.
func TestR15_ConcurrentGuesses(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
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

// The waits of a guessing client double, and do not affect other clients.
func TestR16_WaitsOfAGuessingClientDouble(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
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
		require.ErrorIs(t, try("a guess", network(1)), identity.ErrInvalidCredentials, "the failures are reset")
	})
}

// A client that tries one password at many accounts is stopped; others are not affected.
func TestR16_SprayingIsBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		h.registered(t, asha())
		counted := 0
		for i := range 50 {
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: fmt.Sprintf("%d@example.com", i),
				Password: "a guess"}, network(1))
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

// Twenty wrong passwords from a network do not lock out its users who signed in before or are signed in.
func TestR16_FailuresOfANetworkDoNotLockOutKnownUsers(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		caller, _ := h.signedInAs(t, "asha@example.com") // from this network
		ravi := domain.Registration{Name: "Ravi", Email: "ravi@example.com", Password: secret}
		raviID := h.registered(t, ravi)
		for i := range 20 {
			_, err := h.SignIn(
				t.Context(),
				domain.Credentials{Email: fmt.Sprintf("%d@example.com", i), Password: "a guess"},
				here,
			)
			require.ErrorIs(t, err, identity.ErrInvalidCredentials)
		}
		signIn := func(email string) error {
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: email, Password: secret}, here)
			return err
		}
		require.Equal(t, errs.Throttled, errs.KindOf(signIn(ravi.Email)),
			"a user who never signed in from this network")
		require.NoError(t, signIn("asha@example.com"))
		require.NoError(
			t,
			h.ChangePassword(t.Context(), caller, domain.PasswordChange{Current: secret, New: "another horse"}, here),
		)

		_, err := h.SignIn(t.Context(), domain.Credentials{Email: ravi.Email, Password: secret}, network(1))
		require.NoError(t, err)
		elsewhere := auth.Principal{UserID: raviID.ID.UUID, Role: auth.Staff} // signed in from another network
		_, err = h.Leave(t.Context(), elsewhere, revision.Match{}, secret, false, here)
		require.NoError(t, err)
		var known int
		require.NoError(
			t,
			db.Read(t.Context()).Raw(`SELECT count(*) FROM known_clients WHERE user_id = ?`,
				raviID.ID).Scan(&known).Error,
		)
		require.Zero(t, known, "removed with the account")
	})
}

// Callers that are known or signed in hash in a separate lane, by network and, if they are signed in, by user.
func TestKnownCallersHaveTheirOwnLane(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t))
	last := func() ports.Caller { return *h.passwords.last.Load() }
	h.registered(t, asha())
	require.False(t, last().Known)
	h.signedIn(t)
	require.Equal(t, ports.Caller{Caller: admission.NewCaller(here.Address, "")}, last(), "the first sign-in")
	h.signedIn(t)
	require.Equal(t, ports.Caller{Caller: admission.NewCaller(here.Address, ""), Known: true}, last())
	_, err := h.SignIn(t.Context(), domain.Credentials{Email: asha().Email, Password: "a guess"}, network(1))
	require.ErrorIs(t, err, identity.ErrInvalidCredentials)
	require.Equal(t, ports.Caller{Caller: admission.NewCaller(network(1).Address, "")}, last())
	caller, _ := h.signedInAs(t, "b@example.com")
	require.NoError(
		t,
		h.ChangePassword(t.Context(), caller, domain.PasswordChange{Current: secret, New: "another horse"}, network(2)),
	)
	require.Equal(t, ports.Caller{Caller: admission.NewCaller(network(2).Address, caller.UserID.String()), Known: true},
		last())
	ctx := audit.WithRequest(t.Context(), audit.Request{Address: network(3).Address})
	_, err = h.Add(ctx, caller, domain.Registration{Name: "C", Email: "c@example.com", Password: secret}, auth.Staff)
	require.NoError(t, err)
	require.Equal(t, ports.Caller{Caller: admission.NewCaller(network(3).Address, caller.UserID.String()), Known: true},
		last())
}

// Registrations of a network are bounded. Rejected ones and accounts added by administrators do not count.
func TestRegistrationsAreBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db, func(cfg *identity.Config) { cfg.RegistrationsPerHour = 3 })
		from := func(n int) context.Context {
			return audit.WithRequest(t.Context(), audit.Request{Address: network(n).Address})
		}
		made := 0
		register := func(n int, email string) error {
			_, err := h.Register(from(n), domain.Registration{Name: "A", Email: email, Password: secret})
			return err
		}
		another := func(n int) error { made++; return register(n, fmt.Sprintf("%d@example.com", made)) }
		require.NoError(t, register(1, "asha@example.com"))
		for range 5 {
			require.ErrorIs(t, register(1, "asha@example.com"), identity.ErrEmailTaken)
			require.Equal(t, errs.Invalid, errs.KindOf(register(1, "nobody")))
			_, err := h.Add(
				from(1),
				auth.Principal{},
				domain.Registration{Name: "A", Email: fmt.Sprintf("%d@by.admin", made), Password: secret},
				auth.Staff,
			)
			require.NoError(t, err)
			made++
		}
		require.NoError(t, another(1))
		require.NoError(t, another(1))
		hashed := h.passwords.hashed.Load()
		var refused *errs.Error
		require.ErrorAs(t, another(1), &refused)
		require.ErrorIs(t, refused, domain.ErrTooManyRegistrations)
		require.Equal(t, 20*time.Minute, refused.RetryAfter)
		require.Equal(t, hashed, h.passwords.hashed.Load(), "rejected without a hash")
		require.ErrorIs(t, register(1, "asha@example.com"), identity.ErrEmailTaken)
		require.NoError(t, another(2))
		h.clock.Advance(20 * time.Minute)
		require.NoError(t, another(1))
	})
}
