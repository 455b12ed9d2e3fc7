package domain_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/errs"
)

const day = 24 * time.Hour

var attemptLimits = domain.AttemptLimits{FreeAttempts: 5, AccountFailures: 100, ClientFailures: 20}

// wait returns how long an attempt has to wait; 0 means that it is admitted.
func wait(t require.TestingT, tallies domain.Tallies, at time.Time) time.Duration {
	err := attemptLimits.Admit(tallies, false, at)
	if err == nil {
		return 0
	}
	require.ErrorIs(t, err, domain.ErrTooManyAttempts)
	var refused *errs.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, errs.Throttled, refused.Kind)
	require.GreaterOrEqual(t, refused.RetryAfter, time.Second)
	return refused.RetryAfter
}

func TestPrefix(t *testing.T) {
	for _, c := range []struct{ name, client, prefix string }{
		{"IPv4 has 24 bits", "203.0.113.77", "203.0.113.0/24"},
		{"IPv4 in IPv6 is IPv4", "::ffff:203.0.113.1", "203.0.113.0/24"},
		{"IPv6 has 56 bits", "2001:db8:1:2ff:3:4:5:6", "2001:db8:1:200::/56"},
		{"the zone of a link is ignored", "fe80::1%eth0", "fe80::/56"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.prefix, domain.Attempt{Client: netip.MustParseAddr(c.client)}.Prefix())
		})
	}
	t.Run("a missing address is one client", func(t *testing.T) {
		require.Equal(t, "unknown", domain.Attempt{}.Prefix())
	})
}

// TestAttemptBounds tries each limit on both sides of its boundary.
func TestAttemptBounds(t *testing.T) {
	pair := func(failures int) domain.Tallies {
		return domain.Tallies{domain.Pair: {Failures: failures, FirstAt: now, LastAt: now}}
	}
	account := func(failures int, succeeded time.Time) domain.Tallies {
		return domain.Tallies{domain.Account: {Failures: failures, FirstAt: now, LastAt: now},
			domain.Pair: {SucceededAt: succeeded}}
	}
	client := func(failures int) domain.Tallies {
		return domain.Tallies{domain.Client: {Failures: failures, FirstAt: now, LastAt: now.Add(5 * time.Minute)}}
	}
	longest := account(100, time.Time{})
	longest[domain.Client], longest[domain.Pair] = client(20)[domain.Client], pair(9)[domain.Pair]
	for _, c := range []struct {
		name    string
		tallies domain.Tallies
		after   time.Duration
		wait    time.Duration
	}{
		{"an unknown client", domain.Tallies{}, 0, 0},
		{"a pair that failed 4 times", pair(4), 0, 0},
		{"a pair that failed 5 times", pair(5), 0, time.Second},
		{"a pair that failed 5 times and waited almost a second", pair(5), time.Second - time.Microsecond, time.Second},
		{"a pair that failed 5 times and waited", pair(5), time.Second, 0},
		{"a pair that failed 6 times", pair(6), 0, 2 * time.Second},
		{"a pair that failed 14 times", pair(14), 0, 512 * time.Second},
		{"a pair that failed 15 times", pair(15), 0, 900 * time.Second},
		{"a pair that failed a billion times", pair(1_000_000_000), 0, 900 * time.Second},
		{"a pair that failed a billion times and waited", pair(1_000_000_000), 900 * time.Second, 0},

		{"an account that failed 99 times", account(99, time.Time{}), 0, 0},
		{"an account that failed 100 times", account(100, time.Time{}), 0, day},
		{"an account that failed 100 times a day ago, nearly", account(100, time.Time{}), day - time.Second,
			time.Second},
		{"an account that failed 100 times a day ago", account(100, time.Time{}), day, 0},
		{"an account that failed 100 times, where this client succeeded 30 days ago, nearly",
			account(100, now.Add(time.Second-30*day)), 0, 0},
		{"an account that failed 100 times, where this client succeeded 30 days ago", account(100, now.Add(-30*day)), 0,
			day},

		{"a client that failed 19 times", client(19), 5 * time.Minute, 0},
		{"a client that failed 20 times", client(20), 5 * time.Minute, 5 * time.Minute},
		{"a client that failed 20 times in the last ten minutes, nearly", client(20), 10*time.Minute - time.Second,
			time.Second},
		{"a client that failed 20 times ten minutes ago", client(20), 10 * time.Minute, 0},

		{"a client that failed 20 times, as a pair that has to wait longer,", domain.Tallies{
			domain.Client: client(20)[domain.Client], domain.Pair: pair(15)[domain.Pair],
		}, 0, 900 * time.Second},
		{"all three, of which the longest wait counts,", longest, 0, day},

		{"a pair that failed 15 times by a clock that is half a minute ahead", pair(15), -30 * time.Second,
			930 * time.Second},
		{"a pair that failed 15 times by a clock that was ahead", pair(15), -30*time.Second - 1000, 0},
		{"an account that failed 100 times by a clock that was a year ahead", account(100, time.Time{}), -365 * day, 0},
		{"a client that failed 20 times by a clock that is half a minute ahead", client(20), -30 * time.Second,
			10*time.Minute + 30*time.Second},
		{"a client that failed 20 times by a clock that was an hour ahead", client(20), -time.Hour, 0},
	} {
		t.Run(fmt.Sprintf("%s waits %s", c.name, c.wait),
			func(t *testing.T) { require.Equal(t, c.wait, wait(t, c.tallies, now.Add(c.after))) })
	}
	t.Run("the holder of a live session is not limited by failures in the same network", func(t *testing.T) {
		full := client(20)
		full[domain.WideClient] = full[domain.Client]
		require.NoError(t, attemptLimits.Admit(full, true, now))
		require.Error(t, attemptLimits.Admit(full, false, now))
	})
	t.Run("the error has the scope with the longest wait as its cause", func(t *testing.T) {
		for _, c := range []struct {
			tallies domain.Tallies
			scope   domain.Scope
		}{{longest, domain.Account}, {client(20), domain.Client}, {pair(5), domain.Pair}} {
			scope, blocked := domain.BlockedBy(attemptLimits.Admit(c.tallies, false, now))
			require.True(t, blocked)
			require.Equal(t, c.scope, scope)
		}
		_, blocked := domain.BlockedBy(domain.ErrTooManyAttempts)
		require.False(t, blocked)
	})
	t.Run("the error does not reveal whether the account exists", func(t *testing.T) {
		require.Equal(t, "Too many attempts to sign in. Try again later.", domain.ErrTooManyAttempts.Detail)
	})
	t.Run("the declared error is not modified", func(t *testing.T) {
		wait(t, pair(5), now)
		require.Zero(t, domain.ErrTooManyAttempts.RetryAfter)
	})
}

func TestCountAndSucceed(t *testing.T) {
	later := now.Add(time.Minute)
	counted := domain.Tally{Failures: 1, FirstAt: now, LastAt: now}
	t.Run("an attempt counts in every scope", func(t *testing.T) {
		var tallies domain.Tallies
		tallies.Count(now)
		require.Equal(t, domain.Tallies{counted, counted, counted, counted}, tallies)
		tallies.Count(later)
		twice := domain.Tally{Failures: 2, FirstAt: now, LastAt: later}
		require.Equal(t, domain.Tallies{twice, twice, twice, twice}, tallies)
	})
	t.Run("a success resets the account and the pair, and takes back one failure of the client", func(t *testing.T) {
		var tallies domain.Tallies
		tallies.Count(now)
		tallies.Count(now)
		tallies.Succeed(later)
		require.Equal(
			t,
			domain.Tallies{domain.Client: counted, domain.WideClient: counted, domain.Pair: {SucceededAt: later}},
			tallies,
		)
	})
	t.Run("a success takes back the only failure of the client", func(t *testing.T) {
		var tallies domain.Tallies
		tallies.Count(now)
		tallies.Succeed(later)
		require.Equal(t, domain.Tallies{domain.Pair: {SucceededAt: later}}, tallies)
	})
	t.Run("failures that no longer count are forgotten by an attempt", func(t *testing.T) {
		at := now.Add(day)
		tallies := domain.Tallies{counted, counted, counted, counted}
		tallies.Count(at)
		first := domain.Tally{Failures: 1, FirstAt: at, LastAt: at}
		require.Equal(t, domain.Tallies{first, first, first, first}, tallies)
	})
	t.Run("failures that no longer count are forgotten by a success", func(t *testing.T) {
		at := now.Add(10 * time.Minute)
		twice := domain.Tally{Failures: 2, FirstAt: now, LastAt: now}
		tallies := domain.Tallies{domain.Client: twice, domain.WideClient: twice}
		tallies.Succeed(at)
		require.Equal(t, domain.Tallies{domain.Pair: {SucceededAt: at}}, tallies)
	})
	t.Run("a success without a counted attempt takes nothing back", func(t *testing.T) {
		var tallies domain.Tallies
		tallies.Succeed(now)
		require.Equal(t, domain.Tallies{domain.Pair: {SucceededAt: now}}, tallies)
	})
	t.Run("an attempt after the clock was set back keeps the failures, except those of a client", func(t *testing.T) {
		at := now.Add(-365 * day)
		many := domain.Tally{Failures: 100, FirstAt: now, LastAt: now}
		tallies := domain.Tallies{many, many, many, many}
		require.Zero(t, wait(t, tallies, at))
		tallies.Count(at)
		first := domain.Tally{Failures: 1, FirstAt: at, LastAt: at}
		more := domain.Tally{Failures: 101, FirstAt: now, LastAt: at}
		require.Equal(t, domain.Tallies{more, first, first, more}, tallies)
		require.Equal(t, day, wait(t, tallies, at))
		tallies.Succeed(at)
		require.Equal(t, domain.Tallies{domain.Pair: {SucceededAt: at}}, tallies)
	})
	t.Run("each scope ends when nothing in it counts any more", func(t *testing.T) {
		tallies := domain.Tallies{counted, counted, counted, counted}
		require.Equal(t, now.Add(day), tallies.Ends(domain.Account))
		require.Equal(t, now.Add(10*time.Minute), tallies.Ends(domain.Client))
		require.Equal(t, now.Add(day), tallies.Ends(domain.Pair))
		tallies[domain.Pair].SucceededAt = now.Add(-29*day - time.Hour)
		require.Equal(t, now.Add(day), tallies.Ends(domain.Pair))
		tallies[domain.Pair].SucceededAt = now
		require.Equal(t, now.Add(30*day), tallies.Ends(domain.Pair))
		require.Zero(t, domain.Tallies{}.Ends(domain.Account))
	})
}

func TestKnown(t *testing.T) {
	succeeded := domain.Tallies{domain.Pair: {SucceededAt: now}}
	require.True(t, succeeded.Known(now.Add(30*day-time.Microsecond)))
	require.False(t, succeeded.Known(now.Add(30*day)))
	require.False(t, domain.Tallies{}.Known(now))
}

// history holds the tallies of an account, its clients and pairs, as a store does.
type history struct {
	account domain.Tally
	clients map[int]domain.Tally
	pairs   map[int]domain.Tally
}

func newHistory() *history {
	return &history{clients: map[int]domain.Tally{}, pairs: map[int]domain.Tally{}}
}

func (w *history) tallies(client int) domain.Tallies {
	return domain.Tallies{domain.Account: w.account, domain.Client: w.clients[client], domain.Pair: w.pairs[client]}
}

func (w *history) keep(client int, t domain.Tallies) {
	w.account, w.clients[client], w.pairs[client] = t[domain.Account], t[domain.Client], t[domain.Pair]
}

// try makes an attempt and reports whether it was admitted.
func (w *history) try(t require.TestingT, client int, at time.Time, succeeds bool) bool {
	tallies := w.tallies(client)
	if wait(t, tallies, at) > 0 {
		return false
	}
	tallies.Count(at)
	if succeeds {
		tallies.Succeed(at)
	}
	w.keep(client, tallies)
	return true
}

func TestR15_GuessingIsBounded(t *testing.T) {
	t.Run("any number of unknown clients get a hundred attempts at an account in a day",
		rapid.MakeCheck(func(t *rapid.T) {
			w, at, admitted := newHistory(), now, 0
			for range 400 {
				at = at.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Minute)).Draw(t, "pause")))
				if w.try(t, rapid.IntRange(0, 60).Draw(t, "client"), at, false) {
					admitted++
				}
			}
			require.True(t, at.Before(now.Add(day)))
			require.LessOrEqual(t, admitted, 100)
		}))
	t.Run("a pair's waits double up to a quarter of an hour", func(t *testing.T) {
		var pair domain.Tallies
		at := now
		for failures := 1; failures <= 30; failures++ {
			pair.Count(at)
			alone := domain.Tallies{domain.Pair: pair[domain.Pair]}
			want := time.Duration(0)
			if failures >= 5 {
				want = min(900*time.Second, time.Second<<(failures-5))
			}
			require.Equal(t, want, wait(t, alone, at), "%d failures", failures)
			at = at.Add(want)
			require.Zero(t, wait(t, alone, at))
		}
	})
}

func TestR16_KnownClientsAreNotLockedOut(t *testing.T) {
	t.Run("a known client waits for its own failures only", rapid.MakeCheck(func(t *rapid.T) {
		w, at := newHistory(), now
		require.True(t, w.try(t, 0, at, true))
		alone := newHistory()
		require.True(t, alone.try(t, 0, at, true))
		for range rapid.IntRange(0, 300).Draw(t, "attempts") {
			at = at.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "pause")))
			client := rapid.IntRange(0, 40).Draw(t, "client")
			others := w.try(t, client, at, false)
			if client == 0 {
				require.Equal(t, alone.try(t, 0, at, false), others)
			}
		}
		require.Equal(t, wait(t, alone.tallies(0), at), wait(t, w.tallies(0), at))
	}))
	t.Run("a success of one client does not end the waits of other pairs", rapid.MakeCheck(func(t *rapid.T) {
		w := newHistory()
		for range rapid.IntRange(0, 80).Draw(t, "attempts") {
			w.try(t, rapid.IntRange(0, 5).Draw(t, "client"), now, false)
		}
		before := map[int]time.Duration{}
		for client := range 5 {
			before[client] = wait(t, w.tallies(client), now)
		}
		require.True(t, w.try(t, 9, now, true))
		for client := range 5 {
			require.Equal(t, before[client], wait(t, w.tallies(client), now))
		}
	}))
}
