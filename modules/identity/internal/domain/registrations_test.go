package domain_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/errs"
)

func TestAllowances(t *testing.T) {
	limit := domain.HourlyLimit(3)
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
			require.Equal(t, c.wait, limit.Wait(used(c.accounts), now.Add(c.after)))
		})
	}
	t.Run("an allowance does not grow beyond the limit", func(t *testing.T) {
		require.Equal(t, now.Add(20*time.Minute), limit.Count(now.Add(-24*time.Hour), now))
	})
	t.Run("a network has its full allowance when the clock was set back", func(t *testing.T) {
		full := limit.Count(now.Add(40*time.Minute), now)
		require.Equal(t, now.Add(time.Hour), full)
		require.Equal(t, 20*time.Minute+30*time.Second, limit.Wait(full, now.Add(-30*time.Second)))
		at := now.Add(-365 * day)
		require.Zero(t, limit.Wait(full, at))
		require.Equal(t, at.Add(20*time.Minute), limit.Count(full, at))
	})
	t.Run("a limit of one account admits one in an hour", func(t *testing.T) {
		one := domain.HourlyLimit(1)
		full := one.Count(time.Time{}, now)
		require.Equal(t, time.Hour, one.Wait(full, now))
		require.Zero(t, one.Wait(full, now.Add(time.Hour)))
	})
	t.Run("0 is no limit", func(t *testing.T) {
		require.Zero(t, domain.HourlyLimit(0).Wait(now.Add(24*time.Hour), now))
	})
	t.Run("the refusal has the wait, and the declared error is not modified", func(t *testing.T) {
		require.NoError(t, domain.Throttled(domain.ErrTooManyRegistrations, 0))
		err := domain.Throttled(domain.ErrTooManyRegistrations, limit.Wait(used(3), now))
		require.ErrorIs(t, err, domain.ErrTooManyRegistrations)
		var refused *errs.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 20*time.Minute, refused.RetryAfter)
		require.Zero(t, domain.ErrTooManyRegistrations.RetryAfter)
	})
	t.Run("a mailbox gets at most five messages in any hour", func(t *testing.T) {
		var full time.Time
		sent := []time.Time{}
		for at := now; at.Before(now.Add(6 * time.Hour)); at = at.Add(time.Minute) {
			if domain.MailAllowance.Wait(full, at) == 0 {
				full = domain.MailAllowance.Count(full, at)
				sent = append(sent, at)
			}
		}
		for i := range sent[5:] {
			require.GreaterOrEqual(t, sent[i+5].Sub(sent[i]), time.Hour)
		}
		require.Equal(t, []time.Time{now, now.Add(time.Minute), now.Add(2 * time.Minute)}, sent[:3])
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
