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

// ErrBusy rejects a hash if no slot is free soon enough, so that a flood of sign-ins does not take the memory and the
// cores from other requests.
var ErrBusy = &errs.Error{
	Kind:       errs.Unavailable,
	Code:       "busy",
	Detail:     "Too many sign-in attempts at once. Try again shortly.",
	RetryAfter: time.Second,
}

// The causes of ErrBusy, for the log.
var (
	errNoLookup  = errors.New("password gate: no slot for a look-up")
	errQueueFull = errors.New("password gate: queue full")
	errWaited    = errors.New("password gate: waited too long")
)

const (
	// lookups is the number of callers that may query the store at once before they hash, unless there are more slots.
	// A hash takes longer than a look-up, so this keeps the slots busy and leaves most connections to other requests.
	lookups = 4

	// waitingLookups is the number of callers that wait for a look-up, unless the queue is longer. Each look-up takes a
	// few milliseconds.
	waitingLookups = 256

	// refusalPause is the delay of a rejection of the network with most callers waiting. Without it, a client that
	// ignores Retry-After would keep the processors busy with rejections (about 2,000 a second with 24 connections),
	// and delay the hashes of others.
	refusalPause = 100 * time.Millisecond

	// maxPaused is the number of rejections that are delayed at once; others are immediate.
	maxPaused = 256
)

// The lanes of the gate: callers that signed in to the account before or are signed in, and all others.
const (
	known  = "known"
	others = "others"
)

// gate bounds the callers that hash at once and the callers that wait. Slots are shared fairly between the lanes, and
// among the networks and users of each lane, so that neither one network nor many take all of them.
type gate struct {
	lookups *admission.Resource
	slots   *admission.Resource
	size    int
	wait    time.Duration
	paused  chan struct{} // holds one element for each rejection that is delayed

	refusals *prometheus.CounterVec // by reason
}

func newGate(slots, queue int, wait time.Duration) gate {
	resource := func(capacity, waiting int) *admission.Resource {
		return admission.NewResource(admission.Bounds{Capacity: int64(capacity), Waiting: waiting, Wait: wait})
	}
	return gate{
		lookups: resource(max(lookups, slots), max(waitingLookups, queue)), slots: resource(slots, queue),
		size: slots, wait: wait,
		paused: make(chan struct{}, maxPaused), refusals: newRefusals(),
	}
}

// reserve takes a slot for a look-up. Errors: ErrBusy.
func (g gate) reserve(ctx context.Context, by admission.Caller) (release func(), err error) {
	release, err = g.lookups.Acquire(ctx, by, 1)
	switch {
	case err == nil:
		return release, nil
	case ctx.Err() != nil:
		return nil, g.refuse("gone", ctx.Err())
	case errors.Is(err, admission.ErrTooMany):
		g.pause(ctx)
	}
	return nil, g.refuse("no_room", errNoLookup)
}

// acquire takes a slot until the caller calls release. Errors: ErrBusy if the queue is full, the wait is too long, or
// ctx has ended.
func (g gate) acquire(ctx context.Context, by ports.Caller) (release func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, g.wait)
	defer cancel()
	lane := others
	if by.Known {
		lane = known
	}
	release, err = g.slots.Acquire(waiting, by.InLane(lane), 1)
	if err != nil {
		return nil, g.rejection(ctx, err)
	}
	return release, nil
}

// rejection maps an error of admission.Resource to ErrBusy.
func (g gate) rejection(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return g.refuse("gone", ctx.Err())
	case errors.Is(err, admission.ErrTooMany):
		g.pause(ctx)
		return g.refuse("queue_full", errQueueFull)
	}
	return g.refuse("waited", errWaited)
}

// pause delays a rejection by refusalPause, unless too many are delayed already.
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

// refuse counts a rejection and returns ErrBusy.
func (g gate) refuse(reason string, cause error) error {
	g.refusals.WithLabelValues(reason).Inc()
	return ErrBusy.Because(cause)
}

// load returns the number of callers that hash and that wait.
func (g gate) load() (hashing, waiting int) {
	used, queued := g.slots.Load()
	return int(used), queued
}
