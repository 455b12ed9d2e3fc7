package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// network is a client of a /24 of its own.
func network(n int) app.From {
	return app.From{Agent: "bot", Address: netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 1})}
}

// however many clients guess, and for how long, an account's password is checked a hundred times at
// most; and its user still signs in from where they did before.
func TestR15_R16_GuessingIsBoundedAndTheVictimSignsIn(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
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

// One client is slowed down, and told for how long; what it does does not keep others out.
func TestR16_AClientThatGuessesWaitsLongerAndLonger(t *testing.T) {
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
		require.ErrorIs(t, try("a guess", network(1)), identity.ErrInvalidCredentials, "and everything is forgiven")
	})
}

// One client that tries one password at many accounts is stopped, and nobody else.
func TestR16_SprayingIsBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
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

// Twenty wrong passwords from an address do not lock out those behind it who have signed in before, or are signed in.
func TestR16_ANetworksFailuresKeepNoKnownUserOut(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		who, _ := h.signedInAs(t, "asha@example.com") // from here
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
		require.Equal(t, errs.Throttled, errs.KindOf(signIn(ravi.Email)), "who never signed in from here")
		require.NoError(t, signIn("asha@example.com"))
		require.NoError(
			t,
			h.ChangePassword(t.Context(), who, domain.PasswordChange{Current: secret, New: "another horse"}, here),
		)

		_, err := h.SignIn(t.Context(), domain.Credentials{Email: ravi.Email, Password: secret}, network(1))
		require.NoError(t, err)
		elsewhere := auth.Principal{UserID: raviID.ID.UUID, Role: auth.Staff} // signed in over there, and here now
		_, err = h.Leave(t.Context(), elsewhere, revision.Match{}, secret, false, here)
		require.NoError(t, err)
		var known int
		require.NoError(
			t,
			db.Read(t.Context()).Raw(`SELECT count(*) FROM known_clients WHERE user_id = ?`, raviID.ID).Scan(&known).Error,
		)
		require.Zero(t, known, "it went with the account")
	})
}

// Who is known or signed in hashes in a lane of their own, under their own network and, if they are signed in, their
// own name.
func TestKnownCallersAreToldApart(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t))
	last := func() ports.Caller { return *h.passwords.last.Load() }
	h.registered(t, asha())
	require.False(t, last().Known)
	h.signedIn(t)
	require.Equal(t, ports.Caller{Caller: admission.By(here.Address, "")}, last(), "for the first time")
	h.signedIn(t)
	require.Equal(t, ports.Caller{Caller: admission.By(here.Address, ""), Known: true}, last())
	_, err := h.SignIn(t.Context(), domain.Credentials{Email: asha().Email, Password: "a guess"}, network(1))
	require.ErrorIs(t, err, identity.ErrInvalidCredentials)
	require.Equal(t, ports.Caller{Caller: admission.By(network(1).Address, "")}, last())
	who, _ := h.signedInAs(t, "b@example.com")
	require.NoError(
		t,
		h.ChangePassword(t.Context(), who, domain.PasswordChange{Current: secret, New: "another horse"}, network(2)),
	)
	require.Equal(t, ports.Caller{Caller: admission.By(network(2).Address, who.UserID.String()), Known: true}, last())
	ctx := audit.WithRequest(t.Context(), audit.Request{Address: network(3).Address})
	_, err = h.Add(ctx, who, domain.Registration{Name: "C", Email: "c@example.com", Password: secret}, auth.Staff)
	require.NoError(t, err)
	require.Equal(t, ports.Caller{Caller: admission.By(network(3).Address, who.UserID.String()), Known: true}, last())
}

// A network makes sixty accounts an hour; refused registrations do not count, nor do those of administrators.
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
		require.Equal(t, hashed, h.passwords.hashed.Load(), "it is refused before it hashes")
		require.ErrorIs(t, register(1, "asha@example.com"), identity.ErrEmailTaken)
		require.NoError(t, another(2))
		h.clock.Advance(20 * time.Minute)
		require.NoError(t, another(1))
	})
}

// Refused sign-ins are recorded as one entry at once and one with their number.
func TestRefusedSignInsAreCounted(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t))
	h.registered(t, asha())
	refused := func() (counts []int64) {
		for _, entry := range h.trail.Recorded() {
			if entry.Status == http.StatusTooManyRequests {
				require.Equal(t, audit.LoginFailed, entry.Action)
				require.Equal(t, audit.Denied, entry.Outcome)
				require.Zero(t, entry.ResourceID)
				counts = append(counts, entry.Count)
			}
		}
		return counts
	}
	try := func(times, n int, id string) {
		for range times {
			ctx := audit.WithRequest(t.Context(), audit.Request{ID: id, Address: network(n).Address})
			_, err := h.SignIn(ctx, domain.Credentials{Email: asha().Email, Password: "a guess"}, network(n))
			require.Error(t, err)
		}
	}
	try(5, 1, "")
	require.Empty(t, refused(), "failures are recorded each")
	try(1, 1, "first")
	require.Equal(t, []int64{0}, refused())
	try(99, 1, "last")
	require.Equal(t, []int64{0}, refused())
	try(5+7, 2, "")
	require.Equal(t, []int64{0, 0}, refused(), "one for each network")
	h.credentials.RecordRefusals(false)
	require.Equal(t, []int64{0, 0}, refused(), "the window is open")

	h.clock.Advance(10 * time.Minute)
	h.trail.Refuse(errors.New("full"))
	h.credentials.RecordRefusals(false)
	h.trail.Refuse(nil)
	require.Equal(t, []int64{0, 0}, refused(), "it could not be recorded")
	h.credentials.RecordRefusals(false)
	require.ElementsMatch(t, []int64{0, 0, 99, 6}, refused(), "and is when it can")
	for _, entry := range h.trail.Recorded() {
		if entry.Count == 99 {
			require.Equal(t, "last", entry.Request.ID)
			require.Equal(t, network(1).Address, entry.Request.Address)
		}
	}
	h.credentials.RecordRefusals(true)
	require.Len(t, refused(), 4, "nothing is recorded twice")

	try(1, 1, "") // counts as a failure, and waits from then on
	try(3, 1, "")
	require.Equal(t, int64(0), refused()[4])
	h.clock.Advance(10 * time.Minute)
	try(1, 1, "")
	try(1, 1, "")
	require.ElementsMatch(
		t,
		[]int64{0, 0, 99, 6, 0, 2, 0},
		refused(),
		"the next one records what the window before it had",
	)
	try(1, 1, "")
	h.credentials.RecordRefusals(true)
	require.Equal(t, int64(1), refused()[7], "before the process ends")
}
