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

// RegistrationLimit is the number of accounts that a network may register in an hour. 0 is no limit.
type RegistrationLimit int

// interval returns the time after which one more account may be registered.
func (l RegistrationLimit) interval() time.Duration { return time.Hour / time.Duration(l) }

// Admit returns nil if another account may be registered now. full is the time at which the network has its full
// allowance again. Errors: ErrTooManyRegistrations, with the wait that remains, at least 1 s.
func (l RegistrationLimit) Admit(full, now time.Time) error {
	if l <= 0 {
		return nil
	}
	wait := l.Count(full, now).Sub(now) - time.Hour
	if wait <= 0 {
		return nil
	}
	refused := *ErrTooManyRegistrations
	refused.RetryAfter = max(shortestRetry, wait)
	return &refused
}

// Count returns the value of full after another account. A network has its full allowance after the clock went back.
func (l RegistrationLimit) Count(full, now time.Time) time.Time {
	if full.Before(now) || isAhead(full, now.Add(time.Hour)) {
		full = now
	}
	return full.Add(l.interval())
}

// RegistrationNetworks returns the networks that an account registered from that address counts for.
func RegistrationNetworks(address netip.Addr) []string {
	networks := []string{cmp.Or(Network(address), "unknown")}
	if wide := WideNetwork(address); wide != "" {
		networks = append(networks, wide)
	}
	return networks
}
