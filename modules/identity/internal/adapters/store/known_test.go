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

// Twenty wrong passwords from a network do not lock out a client that signed in from there before, nor the holder of a
// live session.
func TestKnownClientsAreNotLockedOut(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha, ravi := attempts.of(t, "asha@example.com"), attempts.of(t, "ravi@example.com")
		attempts.succeed(t, asha(1))
		for i := range 20 {
			attempts.fail(t, from(1, fmt.Sprintf("%d@example.com", i)), 1)
		}
		attempts.requireWait(t, ravi(1), 10*time.Minute)
		t.Run("a client that signed in to the account before", func(t *testing.T) {
			attempts.succeed(t, asha(1))
			attempts.requireWait(t, ravi(1), 10*time.Minute)
		})
		t.Run("the holder of a live session", func(t *testing.T) {
			signedIn := ravi(1)
			signedIn.SignedIn = true
			attempts.succeed(t, signedIn)
		})
		t.Run("both wait for their own failures", func(t *testing.T) {
			attempts.fail(t, asha(1), 5)
			attempts.requireWait(t, asha(1), time.Second)
			signedIn := attempts.of(t, "other@example.com")(1)
			signedIn.SignedIn = true
			attempts.fail(t, signedIn, 5)
			attempts.requireWait(t, signedIn, time.Second)
		})
	})
}

func TestKnownClients(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha, ravi := attempts.of(t, "asha@example.com"), attempts.of(t, "ravi@example.com")
		t.Run("belong to one account and one network", func(t *testing.T) {
			require.False(t, attempts.known(t, asha(1)))
			attempts.succeed(t, asha(1))
			require.True(t, attempts.known(t, asha(1)))
			require.False(t, attempts.known(t, asha(2)))
			require.False(t, attempts.known(t, ravi(1)))
			require.False(t, attempts.known(t, from(1, "asha@example.com")), "without an account")
		})
		t.Run("stay known while they fail", func(t *testing.T) {
			attempts.fail(t, asha(1), 4)
			require.True(t, attempts.known(t, asha(1)))
		})
		t.Run("are known for 30 days after the last success, to within a day", func(t *testing.T) {
			attempts.clock.Advance(29 * day)
			attempts.succeed(t, asha(1))
			attempts.clock.Advance(30*day - time.Microsecond)
			require.True(t, attempts.known(t, asha(1)))
			attempts.clock.Advance(time.Microsecond)
			require.False(t, attempts.known(t, asha(1)))
		})
		t.Run("are deleted when they expire", func(t *testing.T) {
			attempts.succeed(t, ravi(1))
			require.Equal(t, 1, attempts.knownClients(t))
		})
		t.Run("are at most fifty, the latest ones", func(t *testing.T) {
			for n := range ports.MaxKnownClients + 3 {
				attempts.succeed(t, asha(n))
				attempts.clock.Advance(time.Second)
			}
			require.Equal(t, ports.MaxKnownClients+1, attempts.knownClients(t))
			require.False(t, attempts.known(t, asha(2)))
			require.True(t, attempts.known(t, asha(3)))
		})
		t.Run("are deleted with the account", func(t *testing.T) {
			require.NoError(t, store.NewUsers(attempts.db).Remove(t.Context(), asha(1).User))
			require.Equal(t, 1, attempts.knownClients(t))
			require.False(
				t,
				attempts.known(t, attempts.of(t, "asha@example.com")(5)),
				"the next owner of the address does not inherit them",
			)
		})
	})
}

// A client is new to an account that knows others only.
func TestNewClients(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha, ravi := attempts.of(t, "asha@example.com"), attempts.of(t, "ravi@example.com")
		require.False(t, attempts.succeed(t, asha(1)), "the first one of the account")
		require.False(t, attempts.succeed(t, asha(1)))
		require.True(t, attempts.succeed(t, asha(2)))
		require.False(t, attempts.succeed(t, asha(2)))
		require.False(t, attempts.succeed(t, ravi(2)), "the first one of another account")
		require.False(t, attempts.succeed(t, from(1, "nobody@example.com")), "no account")
		attempts.clock.Advance(40 * day)
		require.False(t, attempts.succeed(t, asha(1)), "expired, but not deleted")

		t.Run("are not those that signed in before the secret was replaced", func(t *testing.T) {
			oldKey, newKey := []byte("a key of the tests, of 32 bytes.."), []byte("another key of the tests, longer")
			before := store.NewAttempts(attempts.db, oldKey, attemptLimits, attempts.clock)
			after := store.NewAttempts(attempts.db, newKey, attemptLimits, attempts.clock, oldKey)
			mira := attempts.of(t, "mira@example.com")
			for _, n := range []int{1, 2} {
				_, err := before.Succeeded(t.Context(), mira(n))
				require.NoError(t, err)
			}
			for range 3 {
				isNew, err := after.Succeeded(t.Context(), mira(1))
				require.NoError(t, err)
				require.False(t, isNew)
				known, err := after.Check(t.Context(), mira(2))
				require.NoError(t, err)
				require.True(t, known)
				attempts.clock.Advance(day) // the client is stored again with the new key
			}
			isNew, err := after.Succeeded(t.Context(), mira(3))
			require.NoError(t, err)
			require.True(t, isNew)
		})
	})
}

// Clients that signed in before the clock was set back make room for others, and are renewed when they sign in.
func TestKnownClientsAfterTheClockWentBack(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha := attempts.of(t, "asha@example.com")
		attempts.clock.Advance(365 * day)
		for n := range ports.MaxKnownClients {
			attempts.succeed(t, asha(n))
		}
		attempts.clock.Advance(-365 * day)
		attempts.succeed(t, asha(0))
		attempts.succeed(t, asha(1000))
		attempts.succeed(t, asha(1001))
		require.Equal(t, ports.MaxKnownClients, attempts.knownClients(t))
		for _, n := range []int{0, 1000, 1001} {
			require.True(t, attempts.known(t, asha(n)))
		}
		attempts.clock.Advance(30 * day)
		require.False(t, attempts.known(t, asha(0)))
	})
}

// Earlier releases stored successes in signin_attempts.
func TestKnownClientsOfEarlierReleases(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha := attempts.of(t, "asha@example.com")
		attempts.fail(t, asha(1), 1)
		require.NoError(t, attempts.db.Write(t.Context()).Exec(
			`UPDATE signin_attempts SET succeeded_at = ?, expires_at = ?`, database.At(now),
			database.At(now.Add(30*day))).Error)
		require.True(t, attempts.known(t, asha(1)))
		attempts.fail(t, asha(1), 1)
		require.True(t, attempts.known(t, asha(1)), "a failure does not overwrite it")
	})
}

// A client with a /48 has no more attempts than one with a /56.
func TestWideClients(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		asha := attempts.of(t, "asha@example.com")
		for i := range 20 {
			attempt := attempts.of(t, fmt.Sprintf("%d@example.com", i)).at(fmt.Sprintf("2001:db8:1:%d00::1", i))
			attempts.fail(t, attempt, 1)
		}
		attempts.requireWait(t, asha.at("2001:db8:1:9900::1"), 10*time.Minute)
		attempts.fail(t, asha.at("2001:db8:2:9900::1"), 1)
	})
}

func TestRegistrationsOfANetwork(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		registrations := store.NewRegistrations(attempts.db, attemptsKey, domain.HourlyLimit(60), attempts.clock)
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
			require.NoError(t, add("198.51.100.7"), "from another network")
		})
		t.Run("instances share the counts, also after a restart", func(t *testing.T) {
			other := store.NewRegistrations(attempts.db, attemptsKey, domain.HourlyLimit(60), attempts.clock)
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
		t.Run("networks without a limit in effect are deleted", func(t *testing.T) {
			attempts.clock.Advance(2 * time.Hour)
			for range 4 {
				require.NoError(t, add("192.0.2.7"))
			}
			var rows int
			require.NoError(t,
				attempts.db.Read(t.Context()).Raw(`SELECT count(*) FROM registrations`).Scan(&rows).Error)
			require.Equal(t, 1, rows)
		})
		t.Run("without a limit nothing is counted", func(t *testing.T) {
			unlimited := store.NewRegistrations(attempts.db, attemptsKey, domain.Allowance{}, attempts.clock)
			for range 100 {
				require.NoError(t, unlimited.Check(t.Context(), addr("203.0.113.7")))
				require.NoError(t, unlimited.Count(t.Context(), addr("203.0.113.7")))
			}
		})
		t.Run("concurrent registrations are at most sixty", func(t *testing.T) {
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
