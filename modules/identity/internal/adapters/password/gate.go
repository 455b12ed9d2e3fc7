package password

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/admission"
	"healthcare/platform/errs"
)

// ErrBusy refuses a hash for which there is no room soon enough, so that a flood of sign-ins takes neither the memory
// nor the cores from everything else.
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

const (
	// lookups is how many callers may ask the store at once before they hash, unless there are more slots: a hash takes
	// longer than a look-up, so it keeps the slots busy, and leaves most connections to others.
	lookups = 4

	// waitingLookups is how many wait for that, unless the queue is longer. It takes a few milliseconds each.
	waitingLookups = 256

	// refusalPause is how late a refusal of whoever has most waiting is answered. Otherwise a client that ignores
	// Retry-After would spend the processors on refusals, some 2,000 a second for 24 connections, and make others wait
	// for their hashes.
	refusalPause = 100 * time.Millisecond

	// maxPaused is how many refusals wait for that; others are answered at once.
	maxPaused = 256
)

// The lanes of the gate: who signed in to the account before or is signed in, and everybody else.
const (
	known  = "known"
	others = "others"
)

// gate lets a few callers in at once, and a few more wait for them. Slots are shared fairly between the lanes, and
// among the networks and users of each, so that neither one network nor many take all of them.
type gate struct {
	near   *admission.Resource
	slots  *admission.Resource
	size   int
	wait   time.Duration
	paused chan struct{} // holds one element for each refusal that waits

	refusals *prometheus.CounterVec // by reason
}

func newGate(slots, queue int, wait time.Duration) gate {
	resource := func(capacity, waiting int) *admission.Resource {
		return admission.NewResource(admission.Bounds{Capacity: int64(capacity), Waiting: waiting, Wait: wait})
	}
	return gate{
		near: resource(max(lookups, slots), max(waitingLookups, queue)), slots: resource(slots, queue),
		size: slots, wait: wait,
		paused: make(chan struct{}, maxPaused), refusals: newRefusals(),
	}
}

// approach takes one of the places from which the store may be asked. Errors: ErrBusy.
func (g gate) approach(ctx context.Context, by admission.Caller) (leave func(), err error) {
	leave, err = g.near.Acquire(ctx, by, 1)
	switch {
	case err == nil:
		return leave, nil
	case ctx.Err() != nil:
		return nil, g.refuse("gone", ctx.Err()) // nobody waits for the answer: don't make it
	case errors.Is(err, admission.ErrShare):
		g.pause(ctx)
	}
	return nil, g.refuse("no_room", errNoRoom)
}

// enter takes a slot, which the caller gives back with leave. Errors: ErrBusy when the queue is full, the wait over, or
// ctx has ended; nothing is to be given back then.
func (g gate) enter(ctx context.Context, by ports.Caller) (leave func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, g.wait)
	defer cancel()
	lane := others
	if by.Known {
		lane = known
	}
	leave, err = g.slots.Acquire(waiting, by.In(lane), 1)
	if err != nil {
		return nil, g.explain(ctx, err)
	}
	return leave, nil
}

// explain is the refusal of a caller to whom a Resource gave err.
func (g gate) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return g.refuse("gone", ctx.Err())
	case errors.Is(err, admission.ErrShare):
		g.pause(ctx)
		return g.refuse("queue_full", errQueueFull)
	}
	return g.refuse("waited", errWaited)
}

// pause returns when a refusal may be answered.
func (g gate) pause(ctx context.Context) {
	select {
	case g.paused <- struct{}{}:
	default:
		return
	}
	defer func() { <-g.paused }()
	timer := time.NewTimer(refusalPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// refuse is ErrBusy, counted.
func (g gate) refuse(reason string, cause error) error {
	g.refusals.WithLabelValues(reason).Inc()
	return ErrBusy.Because(cause)
}

// load returns how many hash and how many wait.
func (g gate) load() (hashing, waiting int) {
	used, queued := g.slots.Load()
	return int(used), queued
}
