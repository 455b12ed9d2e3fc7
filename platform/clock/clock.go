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

	// Steady returns Now without the time by which the clock was set forward by more than a minute in the last day.
	// Rows that expire are deleted by it: a clock that is set forward by mistake would delete rows that are needed once
	// it is set back. Errors: none.
	Steady() time.Time
}

const (
	maxForward = time.Minute    // that is not a mistake
	mistaken   = 24 * time.Hour // for how long a clock may be set forward by mistake
)

// steady is the state of Steady.
type steady struct {
	mu     sync.Mutex
	offset time.Duration // of the clock when it was last believed
	at     time.Time     // when that was, on a clock that is never set
}

// time returns the steady time of a clock that shows now and has an offset.
func (s *steady) time(now time.Time, offset time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	forward, unset := offset-s.offset, now.Add(-offset)
	if forward > maxForward && unset.Sub(s.at) < mistaken {
		return now.Add(-forward)
	}
	s.offset, s.at = offset, unset
	return now
}

// New returns the system's clock.
func New() Clock {
	s := &system{created: time.Now()}
	s.Steady()
	return s
}

type system struct {
	created time.Time
	steady  steady
}

func (*system) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (s *system) Steady() time.Time { return s.steady.time(s.Now(), s.Offset()) }

func (s *system) Offset() time.Duration {
	now := time.Now()
	return now.Round(0).Sub(s.created.Round(0)) - now.Sub(s.created) // Round(0) removes the monotonic reading
}

// Manual is a clock that only its methods change, for tests. It is safe for concurrent use.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	offset time.Duration
	steady steady
}

// At returns a Manual clock set to t.
func At(t time.Time) *Manual {
	m := &Manual{now: t.UTC().Truncate(time.Microsecond)}
	m.Steady()
	return m
}

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

// Steady implements Clock.
func (m *Manual) Steady() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.steady.time(m.now, m.offset)
}
