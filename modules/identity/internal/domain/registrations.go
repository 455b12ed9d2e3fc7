package domain

import (
	"cmp"
	"net/netip"
	"time"

	"healthcare/platform/errs"
)

// ErrTooManyRegistrations rejects another account for a network that has registered too many.
var ErrTooManyRegistrations = errs.New(
	errs.Throttled, "too_many_registrations", "Too many accounts were made from this network. Try again later.",
)

// Allowance bounds how often something is done: Burst times at once, and then once in a time. The zero Allowance is no
// limit.
type Allowance struct {
	Burst int
	Every time.Duration
}

func (a Allowance) window() time.Duration { return time.Duration(a.Burst) * a.Every }

// Wait returns the time until it may be done again, at least 1 s, or 0. full is the time at which the whole allowance
// is available again.
func (a Allowance) Wait(full, now time.Time) time.Duration {
	if a.Burst <= 0 {
		return 0
	}
	wait := a.Count(full, now).Sub(now) - a.window()
	if wait <= 0 {
		return 0
	}
	return max(shortestRetry, wait)
}

// Count returns the value of full after it was done once more. The whole allowance is available after the clock went
// back.
func (a Allowance) Count(full, now time.Time) time.Time {
	if full.Before(now) || isAhead(full, now.Add(a.window())) {
		full = now
	}
	return full.Add(a.Every)
}

// HourlyLimit returns the allowance of a number in an hour. 0 is no limit.
func HourlyLimit(number int) Allowance {
	if number <= 0 {
		return Allowance{}
	}
	return Allowance{Burst: number, Every: time.Hour / time.Duration(number)}
}

// Throttled returns nil for no wait, else refusal with the wait.
func Throttled(refusal *errs.Error, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	refused := *refusal
	refused.RetryAfter = wait
	return &refused
}

// RegistrationNetworks returns the networks for which an account that is registered from the address counts.
func RegistrationNetworks(address netip.Addr) []string {
	networks := []string{cmp.Or(Network(address), "unknown")}
	if wide := WideNetwork(address); wide != "" {
		networks = append(networks, wide)
	}
	return networks
}
