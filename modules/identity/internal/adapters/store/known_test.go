package store_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/errs"
)

func (a tally) known(t *testing.T, attempt domain.Attempt) bool {
	t.Helper()
	known, err := a.Check(t.Context(), attempt)
	require.NoError(t, err)
	return known
}

func (a tally) knownClients(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, a.db.Read(t.Context()).Raw(`SELECT count(*) FROM known_clients`).Scan(&n).Error)
	return n
}

// Twenty wrong passwords from an address keep nobody out who signed in from there before, nor the holder of a live
// session.
func TestKnownClientsAreNotLockedOut(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha, ravi := attempts.of(t, "asha@example.com"), attempts.of(t, "ravi@example.com")
		attempts.admits(t, asha(1))
		for i := range 20 {
			attempts.counts(t, from(1, fmt.Sprintf("%d@example.com", i)), 1)
		}
		attempts.refuses(t, ravi(1), 10*time.Minute)
		t.Run("a client that signed in to the account before", func(t *testing.T) {
			attempts.admits(t, asha(1))
			attempts.refuses(t, ravi(1), 10*time.Minute)
		})
		t.Run("the holder of a live session", func(t *testing.T) {
			signedIn := ravi(1)
			signedIn.SignedIn = true
			attempts.admits(t, signedIn)
		})
		t.Run("each waits for its own failures", func(t *testing.T) {
			attempts.counts(t, asha(1), 5)
			attempts.refuses(t, asha(1), time.Second)
			signedIn := attempts.of(t, "other@example.com")(1)
			signedIn.SignedIn = true
			attempts.counts(t, signedIn, 5)
			attempts.refuses(t, signedIn, time.Second)
		})
	})
}

func TestKnownClients(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha, ravi := attempts.of(t, "asha@example.com"), attempts.of(t, "ravi@example.com")
		t.Run("are of one account and one network", func(t *testing.T) {
			require.False(t, attempts.known(t, asha(1)))
			attempts.admits(t, asha(1))
			require.True(t, attempts.known(t, asha(1)))
			require.False(t, attempts.known(t, asha(2)))
			require.False(t, attempts.known(t, ravi(1)))
			require.False(t, attempts.known(t, from(1, "asha@example.com")), "without an account")
		})
		t.Run("stay known while they fail", func(t *testing.T) {
			attempts.counts(t, asha(1), 4)
			require.True(t, attempts.known(t, asha(1)))
		})
		t.Run("are known for 30 days after the last success, give or take a day", func(t *testing.T) {
			attempts.clock.Advance(29 * day)
			attempts.admits(t, asha(1))
			attempts.clock.Advance(30*day - time.Microsecond)
			require.True(t, attempts.known(t, asha(1)))
			attempts.clock.Advance(time.Microsecond)
			require.False(t, attempts.known(t, asha(1)))
		})
		t.Run("expired ones are swept", func(t *testing.T) {
			attempts.admits(t, ravi(1))
			require.Equal(t, 1, attempts.knownClients(t))
		})
		t.Run("the last fifty are kept", func(t *testing.T) {
			for n := range ports.MaxKnownClients + 3 {
				attempts.admits(t, asha(n))
				attempts.clock.Advance(time.Second)
			}
			require.Equal(t, ports.MaxKnownClients+1, attempts.knownClients(t))
			require.False(t, attempts.known(t, asha(2)))
			require.True(t, attempts.known(t, asha(3)))
		})
		t.Run("go with the account", func(t *testing.T) {
			require.NoError(t, store.NewUsers(attempts.db).Remove(t.Context(), asha(1).User))
			require.Equal(t, 1, attempts.knownClients(t))
			require.False(
				t,
				attempts.known(t, attempts.of(t, "asha@example.com")(5)),
				"nor does the next owner of the address inherit them",
			)
		})
	})
}

// The release before kept successes in signin_attempts.
func TestKnownClientsOfTheReleaseBefore(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha := attempts.of(t, "asha@example.com")
		attempts.counts(t, asha(1), 1)
		require.NoError(t, attempts.db.Write(t.Context()).Exec(
			`UPDATE signin_attempts SET succeeded_at = ?, expires_at = ?`, database.At(now), database.At(now.Add(30*day))).Error)
		require.True(t, attempts.known(t, asha(1)))
		attempts.counts(t, asha(1), 1)
		require.True(t, attempts.known(t, asha(1)), "a failure does not overwrite it")
	})
}

// A client that has a /48 has no more attempts than one that has a /56.
func TestWideClients(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha := attempts.of(t, "asha@example.com")
		for i := range 20 {
			attempt := attempts.of(t, fmt.Sprintf("%d@example.com", i)).at(fmt.Sprintf("2001:db8:1:%d00::1", i))
			attempts.counts(t, attempt, 1)
		}
		attempts.refuses(t, asha.at("2001:db8:1:9900::1"), 10*time.Minute)
		attempts.counts(t, asha.at("2001:db8:2:9900::1"), 1)
	})
}

func TestRegistrationsOfANetwork(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		registrations := store.NewRegistrations(attempts.db, attemptsKey, 60, attempts.clock)
		add := func(client string) error {
			if err := registrations.Check(t.Context(), addr(client)); err != nil {
				return err
			}
			return registrations.Count(t.Context(), addr(client))
		}
		refused := func(t *testing.T, wait time.Duration, client string) {
			t.Helper()
			for _, err := range []error{
				registrations.Check(t.Context(), addr(client)),
				registrations.Count(t.Context(), addr(client)),
			} {
				require.ErrorIs(t, err, domain.ErrTooManyRegistrations)
				require.Equal(t, wait, retryAfter(t, err))
			}
		}
		t.Run("sixty at once, then one a minute", func(t *testing.T) {
			for range 60 {
				require.NoError(t, add("192.0.2.7"))
			}
			refused(t, time.Minute, "192.0.2.99")
			attempts.clock.Advance(59 * time.Second)
			refused(t, time.Second, "192.0.2.99")
			attempts.clock.Advance(time.Second)
			require.NoError(t, add("192.0.2.99"))
			refused(t, time.Minute, "192.0.2.7")
			require.NoError(t, add("198.51.100.7"), "from elsewhere")
		})
		t.Run("other instances count with it, and after a restart", func(t *testing.T) {
			other := store.NewRegistrations(attempts.db, attemptsKey, 60, attempts.clock)
			require.ErrorIs(t, other.Check(t.Context(), addr("192.0.2.7")), domain.ErrTooManyRegistrations)
		})
		t.Run("a /48 counts as a network too", func(t *testing.T) {
			for i := range 60 {
				require.NoError(t, add(fmt.Sprintf("2001:db8:1:%d00::1", i)))
			}
			refused(t, time.Minute, "2001:db8:1:9900::1")
		})
		t.Run("unknown addresses are one network", func(t *testing.T) {
			require.NoError(t, registrations.Count(t.Context(), domain.Attempt{}.Client))
		})
		t.Run("networks that have all of it again are swept", func(t *testing.T) {
			attempts.clock.Advance(2 * time.Hour)
			for range 4 {
				require.NoError(t, add("192.0.2.7"))
			}
			var rows int
			require.NoError(t, attempts.db.Read(t.Context()).Raw(`SELECT count(*) FROM registrations`).Scan(&rows).Error)
			require.Equal(t, 1, rows)
		})
		t.Run("none are counted without a limit", func(t *testing.T) {
			unlimited := store.NewRegistrations(attempts.db, attemptsKey, 0, attempts.clock)
			for range 100 {
				require.NoError(t, unlimited.Check(t.Context(), addr("203.0.113.7")))
				require.NoError(t, unlimited.Count(t.Context(), addr("203.0.113.7")))
			}
		})
		t.Run("at the same moment no more than sixty", func(t *testing.T) {
			require.EqualValues(t, 60, together(t, 80, func(ctx context.Context, _ int) error {
				return registrations.Count(ctx, addr("203.0.113.8"))
			}))
		})
	})
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func retryAfter(t *testing.T, err error) time.Duration {
	t.Helper()
	var refused *errs.Error
	require.ErrorAs(t, err, &refused)
	return refused.RetryAfter
}
