package password

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"healthcare/platform/errs"
)

// ErrBusy refuses a hash for which there is no room soon enough, so that a flood of sign-ins takes neither the memory nor the
// cores from everything else.
var ErrBusy = &errs.Error{
	Kind:       errs.Unavailable,
	Code:       "busy",
	Detail:     "Too many sign-in attempts at once. Try again shortly.",
	RetryAfter: time.Second,
}

// Why the gate refuses, for the log.
var (
	errNoRoom    = errors.New("password gate: no room to come near")
	errQueueFull = errors.New("password gate: queue full")
	errWaited    = errors.New("password gate: waited too long")
)

// gate lets a few callers in at once, and a few more wait for them: first come, first served.
type gate struct {
	slots chan struct{} // holds one element for each caller inside
	queue chan struct{} // and one for each that waits
	wait  time.Duration

	refusals *prometheus.CounterVec // by reason
}

func newGate(slots, queue int, wait time.Duration) gate {
	return gate{slots: make(chan struct{}, slots), queue: make(chan struct{}, queue), wait: wait, refusals: newRefusals()}
}

// enter takes a slot, which the caller gives back with leave. Errors: ErrBusy when the queue is full, the wait over, or ctx has
// ended; nothing is to be given back then.
func (g gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return g.refuse("gone", err) // nobody waits for the answer: don't make it
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case g.queue <- struct{}{}:
	default:
		return g.refuse("queue_full", errQueueFull)
	}
	defer func() { <-g.queue }()
	return g.waitForSlot(ctx)
}

func (g gate) waitForSlot(ctx context.Context) error {
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return g.refuse("waited", errWaited)
	case <-ctx.Done():
		return g.refuse("gone", ctx.Err())
	}
}

// refuse is ErrBusy, counted.
func (g gate) refuse(reason string, cause error) error {
	g.refusals.WithLabelValues(reason).Inc()
	return ErrBusy.Because(cause)
}

func (g gate) leave() { <-g.slots }
