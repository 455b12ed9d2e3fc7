package store_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

var attemptsKey = bytes.Repeat([]byte("k"), 32)

// tally holds the attempts of one instance, its database and its clock.
type tally struct {
	ports.Attempts
	db    *database.DB
	clock *clock.Manual
}

// eachTally runs test once per engine, without attempts.
func eachTally(t *testing.T, test func(t *testing.T, attempts tally)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		at := clock.At(now)
		test(t, tally{store.NewAttempts(db, attemptsKey, attemptLimits, at), db, at})
	})
}

// from returns an attempt of a client in the nth network.
func from(n int, mailbox string) domain.Attempt {
	return domain.Attempt{Mailbox: mailbox, Client: netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 7})}
}

// check calls Check and ignores whether the client is known.
func (a tally) check(ctx context.Context, attempt domain.Attempt) error {
	_, err := a.Check(ctx, attempt)
	return err
}

func (a tally) fail(t *testing.T, attempt domain.Attempt, times int) {
	t.Helper()
	for i := range times {
		require.NoError(t, a.check(t.Context(), attempt), "attempt %d", i+1)
		require.NoError(t, a.Count(t.Context(), attempt), "attempt %d", i+1)
	}
}

// requireWait verifies that Check and Count both reject an attempt with a wait.
func (a tally) requireWait(t *testing.T, attempt domain.Attempt, wait time.Duration) {
	t.Helper()
	for _, err := range []error{a.check(t.Context(), attempt), a.Count(t.Context(), attempt)} {
		require.ErrorIs(t, err, domain.ErrTooManyAttempts)
		var refused *errs.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, wait, refused.RetryAfter)
	}
}

// succeed makes a successful attempt, and reports whether its client is new to the account.
func (a tally) succeed(t *testing.T, attempt domain.Attempt) bool {
	t.Helper()
	a.fail(t, attempt, 1)
	isNew, err := a.Succeeded(t.Context(), attempt)
	require.NoError(t, err)
	return isNew
}

// attempter returns attempts at an account from the nth network.
type attempter func(n int) domain.Attempt

// at returns an attempt from an address.
func (f attempter) at(client string) domain.Attempt {
	attempt := f(0)
	attempt.Client = netip.MustParseAddr(client)
	return attempt
}

// account adds a user with an address, for attempts at their account.
func (a tally) of(t *testing.T, email string) attempter {
	t.Helper()
	user := added(t, store.NewUsers(a.db), asha(email, email))
	return func(n int) domain.Attempt {
		attempt := from(n, email)
		attempt.User = user.ID
		return attempt
	}
}

func (a tally) rows(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, a.db.Read(t.Context()).Raw(`SELECT count(*) FROM signin_attempts`).Scan(&n).Error)
	return n
}

func TestAttemptsOfAPair(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		attempt := from(1, "asha@example.com")
		t.Run("are free five times, then wait longer each time", func(t *testing.T) {
			attempts.fail(t, attempt, 5)
			attempts.requireWait(t, attempt, time.Second)
			attempts.clock.Advance(time.Second)
			attempts.fail(t, attempt, 1)
			attempts.requireWait(t, attempt, 2*time.Second)
		})
		t.Run("are not counted when rejected", func(t *testing.T) {
			for range 10 {
				attempts.requireWait(t, attempt, 2*time.Second)
			}
			attempts.clock.Advance(2 * time.Second)
			attempts.fail(t, attempt, 1)
			attempts.requireWait(t, attempt, 4*time.Second)
		})
		t.Run("do not affect other accounts and clients", func(t *testing.T) {
			attempts.fail(t, from(1, "other@example.com"), 1)
			attempts.fail(t, from(2, "asha@example.com"), 1)
		})
		t.Run("count for all spellings of the address", func(t *testing.T) {
			attempts.requireWait(t, from(1, " ASHA@Example.com "), 4*time.Second)
		})
		t.Run("are not reset by a success of another client", func(t *testing.T) {
			attempts.succeed(t, from(2, "asha@example.com"))
			attempts.requireWait(t, attempt, 4*time.Second)
		})
		t.Run("are reset by a success", func(t *testing.T) {
			attempts.clock.Advance(4 * time.Second)
			attempts.succeed(t, attempt)
			attempts.fail(t, attempt, 5)
			attempts.requireWait(t, attempt, time.Second)
		})
		t.Run("are reset a day after the last failure", func(t *testing.T) {
			attempts.clock.Advance(day)
			attempts.fail(t, attempt, 5)
			attempts.requireWait(t, attempt, time.Second)
		})
	})
}

func TestAttemptsOfAClient(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		account := 0
		another := func() domain.Attempt { account++; return from(1, fmt.Sprintf("user%d@example.com", account)) }
		t.Run("are not limited by successes of many users", func(t *testing.T) {
			for range 30 {
				attempts.succeed(t, another())
			}
		})
		t.Run("are at most twenty failures at any accounts in ten minutes from the first on", func(t *testing.T) {
			for range 20 {
				attempts.fail(t, another(), 1)
				attempts.clock.Advance(6 * time.Second)
			}
			attempts.requireWait(t, another(), 8*time.Minute)
			attempts.fail(t, from(2, "user1@example.com"), 1)
		})
		t.Run("are twenty again afterwards", func(t *testing.T) {
			attempts.clock.Advance(8 * time.Minute)
			for range 20 {
				attempts.fail(t, another(), 1)
			}
			attempts.requireWait(t, another(), 10*time.Minute)
		})
	})
}

func TestR16_KnownClientIsNotLockedOut(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		const victim = "asha@example.com"
		known := attempts.of(t, victim)(0)
		attempts.succeed(t, known)
		t.Run("unknown clients get a hundred failures, while the known client signs in", func(t *testing.T) {
			for i := range 100 {
				attempts.fail(t, from(1+i, victim), 1)
			}
			attempts.requireWait(t, from(101, victim), day)
			attempts.succeed(t, known)
		})
		t.Run("its success resets the failures", func(t *testing.T) {
			attempts.fail(t, from(101, victim), 1)
		})
		t.Run("the client is known for thirty days", func(t *testing.T) {
			attempts.clock.Advance(29 * day)
			for i := range 100 {
				attempts.fail(t, from(1+i, victim), 1)
			}
			require.NoError(t, attempts.check(t.Context(), known))
			attempts.clock.Advance(day - time.Microsecond)
			require.NoError(t, attempts.check(t.Context(), known))
		})
	})
}

func TestAttemptsOfAnAccount(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		const account = "nobody@example.com" // does not exist; the response is the same
		for i := range 100 {
			attempts.fail(t, from(i, account), 1)
		}
		t.Run("are rejected from new clients until a day after the last one", func(t *testing.T) {
			attempts.clock.Advance(day - time.Second)
			attempts.requireWait(t, from(100, account), time.Second)
			attempts.clock.Advance(time.Second)
			attempts.fail(t, from(100, account), 1)
		})
	})
}

// together makes n concurrent attempts and returns the number of admitted ones.
func together(t *testing.T, n int, count func(ctx context.Context, i int) error) (counted int32) {
	t.Helper()
	var admitted atomic.Int32
	var all sync.WaitGroup
	failed := make([]error, n)
	for i := range n {
		all.Go(func() {
			if failed[i] = count(t.Context(), i); failed[i] == nil {
				admitted.Add(1)
			}
		})
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			require.Equal(t, errs.Throttled, errs.KindOf(err), "%v", err)
		}
	}
	return admitted.Load()
}

func TestR15_ConcurrentAttempts(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		instances := [2]ports.Attempts{attempts, store.NewAttempts(attempts.db, attemptsKey, attemptLimits,
			attempts.clock)}
		t.Run("200 from one client, over both instances, are counted five times", func(t *testing.T) {
			require.EqualValues(t, 5, together(t, 200, func(ctx context.Context, i int) error {
				return instances[i%2].Count(ctx, from(1, "one@example.com"))
			}))
		})
		t.Run("200 from as many clients are counted 100 times", func(t *testing.T) {
			require.EqualValues(t, 100, together(t, 200, func(ctx context.Context, i int) error {
				return instances[i%2].Count(ctx, from(1000+i, "all@example.com"))
			}))
		})
		t.Run("200 from one client at as many accounts are counted 20 times", func(t *testing.T) {
			require.EqualValues(t, 20, together(t, 200, func(ctx context.Context, i int) error {
				return instances[i%2].Count(ctx, from(2000, fmt.Sprintf("user%d@example.com", i)))
			}))
		})
		t.Run("attempts at the same accounts and clients do not deadlock", func(t *testing.T) {
			require.Positive(t, together(t, 200, func(ctx context.Context, i int) error {
				attempt := from(3000+i%7, fmt.Sprintf("user%d@crossing.example", i%11))
				if err := instances[i%2].Count(ctx, attempt); err != nil || i%3 == 0 {
					return err
				}
				_, err := instances[i%2].Succeeded(ctx, attempt)
				return err
			}))
		})
		t.Run("instances agree on the waits", func(t *testing.T) {
			for _, attempt := range []domain.Attempt{from(1, "one@example.com"), from(1500, "all@example.com"),
				from(2000, "new@example.com")} {
				_, err := instances[0].Check(t.Context(), attempt)
				require.ErrorIs(t, err, domain.ErrTooManyAttempts)
				_, err = instances[1].Check(t.Context(), attempt)
				require.ErrorIs(t, err, domain.ErrTooManyAttempts)
			}
			_, err := instances[1].Check(t.Context(), from(4000, "new@example.com"))
			require.NoError(t, err)
		})
	})
}

func TestExpiredAttemptsAreDeleted(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		for i := range 12 {
			attempts.fail(t, from(i, fmt.Sprintf("user%d@example.com", i)), 1)
		}
		require.Equal(t, 36, attempts.rows(t))
		t.Run("a counted attempt deletes about twenty expired rows", func(t *testing.T) {
			attempts.clock.Advance(10 * time.Minute) // the clients' twelve
			attempts.fail(t, from(100, "new@example.com"), 1)
			require.Equal(t, 36-12+3, attempts.rows(t))
			attempts.clock.Advance(day) // all
			attempts.fail(t, from(100, "new@example.com"), 1)
			require.Equal(t, 36-12+3-20, attempts.rows(t))
			attempts.fail(t, from(100, "new@example.com"), 1)
			require.Equal(t, 3, attempts.rows(t))
		})
		t.Run("a success leaves no row", func(t *testing.T) {
			attempts.succeed(t, from(200, "success@example.com"))
			require.Equal(t, 3, attempts.rows(t))
		})
		t.Run("a rejected attempt adds no row", func(t *testing.T) {
			for range 2 {
				attempts.fail(t, from(100, "new@example.com"), 1)
			}
			attempts.fail(t, from(100, "new@example.com"), 1)
			before := attempts.rows(t)
			attempts.requireWait(t, from(100, "new@example.com"), time.Second)
			require.Equal(t, before, attempts.rows(t))
		})
	})
}

func TestAttemptsOfAllSpellingsCountTogether(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		attempts.fail(t, from(1, "zoë@bücher.example"), 5)
		for _, spelling := range []string{
			"Zoë@BÜCHER.example", "zoe\u0308@bu\u0308cher.example", "zoë@xn--bcher-kva.example.", "ｚoë@bücher.example",
			"zo\u200bë@bücher.example",
		} {
			t.Run(fmt.Sprintf("%+q", spelling), func(t *testing.T) {
				attempts.requireWait(t, from(1, spelling), time.Second)
			})
		}
		require.NoError(t, attempts.check(t.Context(), from(1, "zoe@bücher.example")), "another account")
	})
}

// A clock that is set forward by mistake deletes no row that counts once it is set back.
func TestTheClockIsSetForwardByMistake(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		users, sessions := store.NewUsers(attempts.db), store.NewSessions(attempts.db, attempts.clock)
		user := added(t, users, asha("asha@example.com", "asha"))
		registered := store.NewRegistrations(attempts.db, attemptsKey, domain.HourlyLimit(60), attempts.clock)
		use := func(n int) {
			attempts.fail(t, from(n, fmt.Sprintf("user%d@example.com", n)), 1)
			attempts.succeed(t, attempts.of(t, fmt.Sprintf("user%d@canary.example", n))(n))
			require.NoError(t, registered.Count(t.Context(), from(n, "").Client))
			at := attempts.clock.Now()
			started(t, sessions, user, at, at.Add(day))
		}
		columns := map[string]string{
			"signin_attempts": "expires_at", "known_clients": "signed_in_at", "registrations": "full_at",
			"sessions": "expires_at",
		}
		rows := func() map[string]int { // of the time before
			counts := map[string]int{}
			for table, column := range columns {
				var n int
				require.NoError(t, attempts.db.Read(t.Context()).Raw(
					"SELECT count(*) FROM "+table+" WHERE "+column+" <= ?", database.At(now.Add(2*day))).Scan(&n).Error)
				require.Positive(t, n)
				counts[table] = n
			}
			return counts
		}
		use(1)
		before := rows()
		attempts.clock.Set(365 * day)
		use(2)
		require.Equal(t, before, rows())
	})
}

func TestAttemptsStoreNoAddress(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		attempts.fail(t, domain.Attempt{Mailbox: "asha@canary.example", Client: netip.MustParseAddr("203.0.113.77")}, 2)
		registered := store.NewRegistrations(attempts.db, attemptsKey, domain.HourlyLimit(60), attempts.clock)
		for _, client := range []string{"203.0.113.77", "2001:db8:77::1"} {
			attempts.succeed(t, attempts.of(t, client+"@canary.example").at(client))
			require.NoError(t, registered.Count(t.Context(), netip.MustParseAddr(client)))
		}
		for table, dumped := range map[string]int{"signin_attempts": 3, "known_clients": 2, "registrations": 3} {
			var rows []map[string]any
			require.NoError(t, attempts.db.Read(t.Context()).Raw(`SELECT * FROM `+table).Scan(&rows).Error)
			require.Len(t, rows, dumped, table)
			text := strings.ToLower(fmt.Sprintf("%v", rows))
			for _, secret := range []string{"asha", "canary", "203.0.113", "2001:db8"} {
				require.NotContains(t, text, secret)
			}
		}

		t.Run("attempts are not found with another key", func(t *testing.T) {
			attempts.fail(t, from(1, "asha@example.com"), 5)
			attempts.requireWait(t, from(1, "asha@example.com"), time.Second)
			other := store.NewAttempts(attempts.db, bytes.Repeat([]byte("o"), 32), attemptLimits, attempts.clock)
			_, err := other.Check(t.Context(), from(1, "asha@example.com"))
			require.NoError(t, err)
		})
	})
}
