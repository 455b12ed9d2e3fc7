package admission

import (
	"context"
	"time"
)

// Lease is a part of a Resource that a caller uses. Its methods accept a nil Lease and are safe for concurrent use.
type Lease struct {
	r *Resource
	w *waiter
}

// leaseState is the state of a lease. The mutex of the Resource guards it.
type leaseState struct {
	released bool
	recalled bool
	since    time.Time // time of AllowRecall
	cancel   func()    // ends the use; nil before AllowRecall
}

const (
	// recallAfter is the age at which a lease can be recalled. Most leases end sooner.
	recallAfter = 100 * time.Millisecond
	recallEvery = 20 * time.Millisecond
)

// Lease is like Acquire, for a use whose weight changes or that the Resource may end. The caller ends it with Release.
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

// ForceLease is like Lease, for memory that is already allocated. It does not wait, even if it exceeds the capacity.
func (r *Resource) ForceLease(by Caller, weight int64) *Lease {
	w := waiterOf(by, weight)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admit(w)
	return &Lease{r, w}
}

// Resize changes the weight of the lease. It does not wait, even if it exceeds the capacity.
func (l *Lease) Resize(weight int64) {
	if l == nil {
		return
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if !l.w.lease.released {
		l.r.resize(l.w, weight)
	}
}

// AllowRecall lets the Resource end the use while callers wait that use less. The Resource then calls cancel once, in a
// new goroutine. It first ends the uses of the caller that uses most, the oldest first.
func (l *Lease) AllowRecall(cancel func()) {
	if l == nil {
		return
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if !l.w.lease.released {
		l.w.lease.since, l.w.lease.cancel = now(), cancel
		l.r.recallable[l.w] = struct{}{}
		l.r.recalls = true
	}
}

// PreventRecall revokes AllowRecall. It reports whether the use has not been ended.
func (l *Lease) PreventRecall() bool {
	if l == nil {
		return true
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	delete(l.r.recallable, l.w)
	return !l.w.lease.recalled
}

// Release ends the use. Further calls have no effect.
func (l *Lease) Release() {
	if l == nil {
		return
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if l.w.lease.released {
		return
	}
	l.w.lease.released = true
	delete(l.r.recallable, l.w)
	l.r.resize(l.w, 0)
}

// recall ends uses of callers that use more than the waiter would, until the capacity suffices for the waiter.
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
		go victim.lease.cancel()
	}
}

// now is used for ages only, so that it does not need the program's clock.
func now() time.Time { return time.Now() } //nolint:forbidigo // see above
