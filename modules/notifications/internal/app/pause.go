package app

import (
	"sync"
	"time"

	"healthcare/modules/notifications/internal/domain"
)

const (
	firstPause = 30 * time.Second
	maxPause   = 15 * time.Minute
	// maxRejections is how many messages in a row a server may reject for good. A server that does not relay for us
	// rejects every recipient, with replies that differ in nothing from those about one.
	maxRejections = 10
)

// pause stops a channel whose server fails, or an endpoint. It is shared by the workers of a process.
type pause struct {
	mu       sync.Mutex
	end      time.Time
	wait     time.Duration // of the last pause; 0: none since a success
	rejected int           // in a row
}

// until reports whether the channel pauses.
func (p *pause) until(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now.Before(p.end)
}

func (p *pause) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end, p.wait, p.rejected = time.Time{}, 0, 0
}

// failed begins a pause if the failure concerns the channel, twice as long as the last one, and returns its length. It
// returns 0 if no pause begins, or another worker has begun it.
func (p *pause) failed(failure *domain.Failure, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if failure.Scope == domain.Permanently {
		p.rejected++
	}
	if failure.Scope != domain.OfChannel && p.rejected < maxRejections {
		return 0
	}
	return p.begin(now, 0)
}

// fail begins a pause of at least a time, twice as long as the last one. It is for one endpoint, where every failure
// begins one.
func (p *pause) fail(now time.Time, atLeast time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.begin(now, atLeast)
}

func (p *pause) begin(now time.Time, atLeast time.Duration) time.Duration {
	if now.Before(p.end) {
		return 0
	}
	p.rejected = 0
	p.wait = min(max(firstPause, 2*p.wait), maxPause)
	wait := max(p.wait, atLeast)
	p.end = now.Add(wait)
	return wait
}
