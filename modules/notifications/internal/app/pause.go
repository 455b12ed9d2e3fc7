package app

import (
	"sync"
	"time"

	"healthcare/modules/notifications/internal/domain"
)

const (
	firstPause = 30 * time.Second
	maxPause   = 15 * time.Minute
	// A server that does not relay for us rejects every recipient, with replies that differ in nothing from those about
	// one. So many in a row begin a pause, and fewer of those that end the connection.
	maxRejected, maxDoubtful = 10, 3
)

// pause stops a channel whose server fails, or an endpoint. It is shared by the workers of a process.
type pause struct {
	mu      sync.Mutex
	end     time.Time
	wait    time.Duration // of the last pause; 0: none since a success
	inARow  int           // failures since a success or a pause, that may concern all messages
	healthy bool          // a message was accepted since the last rejection
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
	p.end, p.wait, p.inARow, p.healthy = time.Time{}, 0, 0, true
}

// judge returns the failure as it counts for its delivery. A server's rejection for good counts as one only if it has
// rejected the delivery in the same way before, and has accepted another message since its last rejection: else all
// messages may be rejected because of the operator's settings. If the failure concerns the channel, or so many in a row
// may, it begins a pause and returns its length, or 0 if another worker has begun it.
func (p *pause) judge(d domain.Delivery, failure domain.Failure, now time.Time) (domain.Failure, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := maxDoubtful
	switch {
	case failure.Scope == domain.OfChannel:
		return failure, p.begin(now, 0)
	case !failure.Doubtful:
		return failure, 0
	case failure.Scope == domain.Permanently:
		limit = maxRejected
		if !p.healthy || d.LastError != failure.Code {
			failure.Scope = domain.ForNow
		}
		p.healthy = false
	}
	if p.inARow++; p.inARow < limit || now.Before(p.end) {
		return failure, 0
	}
	p.inARow, p.end = 0, now.Add(firstPause) // not longer each time: the deliveries themselves wait longer
	return failure, firstPause
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
	p.inARow = 0
	p.wait = min(max(firstPause, 2*p.wait), maxPause)
	wait := max(p.wait, atLeast)
	p.end = now.Add(wait)
	return wait
}
