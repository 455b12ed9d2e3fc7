package admission

import (
	"context"
	"time"
)

// Lease is a part of a Resource that a caller has in use. Its methods may be called on nil and from any goroutine.
type Lease struct {
	r *Resource
	w *waiter
}

// leaseState is guarded by the Resource.
type leaseState struct {
	over     bool
	recalled bool
	since    time.Time // since when it may be recalled
	cut      func()    // ends the use; nil while it cannot be ended
}

const (
	// recallAfter is how long a use lasts before it can be recalled. Most end sooner.
	recallAfter = 100 * time.Millisecond
	recallEvery = 20 * time.Millisecond
)

// Lease is Acquire for a use whose weight changes or that can be ended from outside. The caller ends it with Release.
func (r *Resource) Lease(ctx context.Context, by Caller, weight int64) (*Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := waiterOf(by, min(weight, r.bounds.Capacity))
	if !r.enter(w) {
		if err := r.wait(ctx, w); err != nil {
			return nil, err
		}
	}
	return &Lease{r, w}, nil
}

// Take is Lease for memory that is in use already and can no longer be rejected: it exceeds the capacity rather than
// wait.
func (r *Resource) Take(by Caller, weight int64) *Lease {
	w := waiterOf(by, weight)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admit(w)
	return &Lease{r, w}
}

// Resize changes the weight of the lease. It exceeds the capacity rather than wait.
func (l *Lease) Resize(weight int64) {
	if l == nil {
		return
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if !l.w.lease.over {
		l.r.resize(l.w, weight)
	}
}

// Recallable lets the Resource end the use while others wait that have less in use. It calls cut, once and in a
// goroutine of its own. It begins with the callers that have most, and with the oldest of their uses.
func (l *Lease) Recallable(cut func()) {
	if l == nil {
		return
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if !l.w.lease.over {
		l.w.lease.since, l.w.lease.cut = now(), cut
		l.r.recallable[l.w] = struct{}{}
		l.r.recalls = true
	}
}

// Keep undoes Recallable. It reports whether the use was not ended before.
func (l *Lease) Keep() bool {
	if l == nil {
		return true
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	delete(l.r.recallable, l.w)
	return !l.w.lease.recalled
}

// Release returns the lease. It may be called more than once.
func (l *Lease) Release() {
	if l == nil {
		return
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if l.w.lease.over {
		return
	}
	l.w.lease.over = true
	delete(l.r.recallable, l.w)
	l.r.resize(l.w, 0)
}

// recall ends uses of callers that have more than the waiter would have, until there is capacity for it.
func (r *Resource) recall(w *waiter) {
	at := now()
	for r.used-r.recalled+w.weight > r.bounds.Capacity {
		var victim *waiter
		most := r.share(w) + w.weight
		for l := range r.recallable {
			if l.lease.recalled || at.Sub(l.lease.since) < recallAfter {
				continue
			}
			share := r.share(l)
			if share > most || victim != nil && share == most && l.lease.since.Before(victim.lease.since) {
				victim, most = l, share
			}
		}
		if victim == nil {
			return
		}
		victim.lease.recalled = true
		r.recalled += victim.weight
		go victim.lease.cut()
	}
}

// now is used for ages only, so it does not need the program's clock.
func now() time.Time { return time.Now() } //nolint:forbidigo // see above
