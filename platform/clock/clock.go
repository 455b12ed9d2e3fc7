// Package clock is the only source of the time, so that tests can set it.
package clock

import (
	"sync"
	"time"
)

// Clock returns the time.
type Clock interface {
	// Now returns the current time in UTC, truncated to microseconds. Both engines store microseconds, so that a write
	// and a later read return the same time. Errors: none.
	Now() time.Time

	// Offset returns how far the clock was set forward since its creation, negative for backward: the difference
	// between the time that passed on the clock and on the monotonic clock. It includes the time for which the machine
	// was suspended. Errors: none.
	Offset() time.Duration
}

// New returns the system's clock.
func New() Clock { return system{time.Now()} }

type system struct{ created time.Time }

func (system) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (s system) Offset() time.Duration {
	now := time.Now()
	return now.Round(0).Sub(s.created.Round(0)) - now.Sub(s.created) // Round(0) removes the monotonic reading
}

// Manual is a clock that only its methods change, for tests. It is safe for concurrent use.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	offset time.Duration
}

// At returns a Manual clock set to t.
func At(t time.Time) *Manual { return &Manual{now: t.UTC().Truncate(time.Microsecond)} }

// Now returns the time to which the clock is set.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the clock by d.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// Set sets the clock forward by d, or backward if d is negative, which Offset shows.
func (m *Manual) Set(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now, m.offset = m.now.Add(d), m.offset+d
}

// Offset returns the sum of the changes by Set.
func (m *Manual) Offset() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.offset
}
