// Package clock is the one source of time, so that tests own it.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time.
type Clock interface {
	// Now is the current time in UTC, truncated to microseconds: what both engines can store, so that what a write
	// answers is what a read answers. Errors: none.
	Now() time.Time
}

// New is the system's clock.
func New() Clock { return system{} }

type system struct{}

func (system) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Manual is a clock that stands still until a test moves it. It is safe for concurrent use.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// At is a Manual clock that shows t.
func At(t time.Time) *Manual { return &Manual{now: t.UTC().Truncate(time.Microsecond)} }

// Now is the time the clock was last set to.
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
