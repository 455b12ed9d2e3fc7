package domain

import (
	"cmp"
	"net/netip"
	"time"

	"healthcare/platform/errs"
)

// ErrTooManyRegistrations refuses another account to a network that made many.
var ErrTooManyRegistrations = errs.New(
	errs.Throttled, "too_many_registrations", "Too many accounts were made from this network. Try again later.",
)

// RegistrationLimit is how many accounts a network may make in an hour. 0 is any number.
type RegistrationLimit int

// interval is how long it takes until one more account may be made.
func (l RegistrationLimit) interval() time.Duration { return time.Hour / time.Duration(l) }

// Admit returns nil if another account may be made now. full is when the network may make as many as one that made
// none. Errors: ErrTooManyRegistrations, with the wait that remains, at least 1 s.
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

// Count returns full as it is after another account.
func (l RegistrationLimit) Count(full, now time.Time) time.Time {
	if full.Before(now) {
		full = now
	}
	return full.Add(l.interval())
}

// RegistrationNetworks returns the networks that an account made at that address counts for.
func RegistrationNetworks(address netip.Addr) []string {
	networks := []string{cmp.Or(Network(address), "unknown")}
	if wide := WideNetwork(address); wide != "" {
		networks = append(networks, wide)
	}
	return networks
}
