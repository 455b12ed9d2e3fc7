package domain_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/errs"
)

func TestRegistrationLimit(t *testing.T) {
	const limit = domain.RegistrationLimit(3)
	// wait returns the wait for another account; 0 means that it is admitted.
	wait := func(t *testing.T, limit domain.RegistrationLimit, full, at time.Time) time.Duration {
		t.Helper()
		err := limit.Admit(full, at)
		if err == nil {
			return 0
		}
		require.ErrorIs(t, err, domain.ErrTooManyRegistrations)
		var refused *errs.Error
		require.ErrorAs(t, err, &refused)
		return refused.RetryAfter
	}
	// used returns the time at which a network has its full allowance again after so many accounts.
	used := func(accounts int) time.Time {
		var full time.Time
		for range accounts {
			full = limit.Count(full, now)
		}
		return full
	}
	for _, c := range []struct {
		name     string
		accounts int
		after    time.Duration
		wait     time.Duration
	}{
		{"a network without an account", 0, 0, 0},
		{"a network with two accounts", 2, 0, 0},
		{"a network with three accounts", 3, 0, 20 * time.Minute},
		{"a network with three accounts after half the time", 3, 10 * time.Minute, 10 * time.Minute},
		{"a network with three accounts after almost the time", 3, 20*time.Minute - 1, time.Second},
		{"a network with three accounts after a third of an hour", 3, 20 * time.Minute, 0},
	} {
		t.Run(c.name+" waits "+c.wait.String(), func(t *testing.T) {
			require.Equal(t, c.wait, wait(t, limit, used(c.accounts), now.Add(c.after)))
		})
	}
	t.Run("an allowance does not grow beyond the limit", func(t *testing.T) {
		require.Equal(t, now.Add(20*time.Minute), limit.Count(now.Add(-24*time.Hour), now))
	})
	t.Run("a network has its full allowance when the clock was set back", func(t *testing.T) {
		full := limit.Count(now.Add(40*time.Minute), now)
		require.Equal(t, now.Add(time.Hour), full)
		require.Equal(t, 20*time.Minute+30*time.Second, wait(t, limit, full, now.Add(-30*time.Second)))
		at := now.Add(-365 * day)
		require.Zero(t, wait(t, limit, full, at))
		require.Equal(t, at.Add(20*time.Minute), limit.Count(full, at))
	})
	t.Run("a limit of one account admits one in an hour", func(t *testing.T) {
		full := domain.RegistrationLimit(1).Count(time.Time{}, now)
		require.Equal(t, time.Hour, wait(t, 1, full, now))
		require.Zero(t, wait(t, 1, full, now.Add(time.Hour)))
	})
	t.Run("0 is no limit", func(t *testing.T) { require.Zero(t, wait(t, 0, now.Add(24*time.Hour), now)) })
	t.Run("the declared error is not modified", func(t *testing.T) {
		require.Error(t, limit.Admit(used(3), now))
		require.Zero(t, domain.ErrTooManyRegistrations.RetryAfter)
	})
}

func TestRegistrationNetworks(t *testing.T) {
	for address, networks := range map[string][]string{
		"203.0.113.77":      {"203.0.113.0/24"},
		"2001:db8:1:2ff::1": {"2001:db8:1:200::/56", "2001:db8:1::/48"},
	} {
		require.Equal(t, networks, domain.RegistrationNetworks(netip.MustParseAddr(address)))
	}
	require.Equal(t, []string{"unknown"}, domain.RegistrationNetworks(netip.Addr{}))
}
