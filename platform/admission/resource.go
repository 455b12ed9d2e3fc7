package admission

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"healthcare/platform/errs"
)

// Errors of a Resource.
var (
	// ErrTooMany rejects a caller that has more requests waiting than the other callers.
	ErrTooMany = errs.New(
		errs.Throttled,
		"too_many_requests",
		"Too many requests at once from this user or network. Try again shortly.",
	)
	// ErrBusy rejects a caller that has waited for capacity for too long.
	ErrBusy = errs.New(errs.Unavailable, "busy", "The service is busy. Try again shortly.")
)

// Bounds are the limits of a Resource.
type Bounds struct {
	Capacity int64         // sum of the weights in use at once
	Waiting  int           // number of waiting requests in each lane
	Wait     time.Duration // longest time that a request waits
}

// Resource is a capacity that several callers share. It is safe for concurrent use.
type Resource struct {
	bounds Bounds

	mu      sync.Mutex
	used    int64
	inUse   map[key]int64 // weight in use, by key and by lane
	waiting []*waiter     // in order of arrival
	queued  map[key]int   // number of waiters, by key and by lane
	// turns has the turn of the last admission, by key and by lane, of callers that wait or use the resource.
	turns map[key]int64
	turn  int64

	recallable map[*waiter]struct{}
	recalls    bool  // whether a lease was ever recallable
	recalled   int64 // weight of the recalled leases that are not released yet
}

type waiter struct {
	counted []key // keys and lane
	keys    []key
	lane    key
	weight  int64
	decided chan error // receives nil or the error of a rejection; nil unless the caller has to wait
	lease   leaseState
}

func waiterOf(by Caller, weight int64) *waiter {
	lane := key{user: by.lane, lane: true}
	counted := append(by.countedKeys(), lane)
	return &waiter{counted: counted, keys: counted[:len(counted)-1], lane: lane, weight: weight}
}

// NewResource returns an unused Resource.
func NewResource(b Bounds) *Resource {
	return &Resource{
		bounds:     b,
		inUse:      map[key]int64{},
		queued:     map[key]int{},
		turns:      map[key]int64{},
		recallable: map[*waiter]struct{}{},
	}
}

// Acquire acquires a weight of the resource for the caller, until release is called. A weight beyond the capacity
// acquires all of it. Acquire waits until the capacity suffices. The waiting caller whose user and networks use the
// least is served next. Errors: ErrTooMany, ErrBusy and that of ctx; release is nil then.
func (r *Resource) Acquire(ctx context.Context, by Caller, weight int64) (release func(), err error) {
	l, err := r.Lease(ctx, by, weight)
	if err != nil {
		return nil, err
	}
	return l.Release, nil
}

// enter admits the caller, or appends it to the queue. A full queue evicts the last waiter of the caller with most
// waiters.
func (r *Resource) enter(w *waiter) (admitted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 && r.fits(w) {
		r.admit(w)
		return true
	}
	w.decided = make(chan error, 1)
	if r.queued[w.lane] >= r.bounds.Waiting && !r.evict(w) {
		w.decided <- ErrTooMany
		return false
	}
	r.waiting = append(r.waiting, w)
	for _, k := range w.counted {
		r.queued[k]++
	}
	r.recall(w)
	r.serve() // the new waiter may have precedence
	return false
}

// evict rejects the last waiter of the caller with most waiters in the newcomer's lane. It reports false if that caller
// is the newcomer.
func (r *Resource) evict(newcomer *waiter) bool {
	longest, last := r.queueLength(newcomer)+1, -1
	for i, w := range r.waiting {
		if w.lane != newcomer.lane {
			continue
		}
		if length := r.queueLength(w); length > longest || length == longest && last >= 0 {
			longest, last = length, i
		}
	}
	if last < 0 {
		return false
	}
	evicted := r.waiting[last]
	r.remove(last)
	evicted.decided <- ErrTooMany
	return true
}

// queueLength returns the number of the caller's waiters, by the key with most.
func (r *Resource) queueLength(w *waiter) (longest int) {
	for _, k := range w.keys {
		longest = max(longest, r.queued[k])
	}
	return longest
}

// share returns the weight that the caller uses, by the key with most.
func (r *Resource) share(w *waiter) (most int64) {
	for _, k := range w.keys {
		most = max(most, r.inUse[k])
	}
	return most
}

func (r *Resource) fits(w *waiter) bool { return r.used+w.weight <= r.bounds.Capacity }

func (r *Resource) admit(w *waiter) {
	r.used += w.weight
	r.turn++
	for _, k := range w.counted {
		r.inUse[k] += w.weight
		r.turns[k] = r.turn
	}
}

// resize changes the weight of an admitted caller.
func (r *Resource) resize(w *waiter, weight int64) {
	more := weight - w.weight
	r.used += more
	if w.lease.recalled {
		r.recalled += more
	}
	for _, k := range w.counted {
		if r.inUse[k] += more; r.inUse[k] == 0 {
			delete(r.inUse, k)
			r.removeTurn(k)
		}
	}
	w.weight = weight
	r.serve()
}

// serve admits waiters: first those whose user and networks use the least, then those served longest ago, so that a
// caller with many waiters is not preferred. Lanes alternate in the same way. No waiter overtakes one that needs more
// capacity than is free, because that one could starve.
func (r *Resource) serve() {
	for len(r.waiting) > 0 {
		next, first := 0, r.precedence(r.waiting[0])
		for i, w := range r.waiting[1:] {
			if p := r.precedence(w); slices.Compare(p[:], first[:]) < 0 {
				next, first = i+1, p
			}
		}
		w := r.waiting[next]
		if !r.fits(w) {
			return
		}
		r.remove(next)
		r.admit(w)
		w.decided <- nil
	}
}

// precedence returns the rank of a waiter. The waiter with the lowest rank is served next.
func (r *Resource) precedence(w *waiter) [4]int64 {
	return [...]int64{r.inUse[w.lane], r.turns[w.lane], r.share(w), r.lastTurn(w)}
}

// lastTurn returns the turn in which the caller was last served, by the key with the latest turn.
func (r *Resource) lastTurn(w *waiter) (last int64) {
	for _, k := range w.keys {
		last = max(last, r.turns[k])
	}
	return last
}

// remove removes the waiter at index i.
func (r *Resource) remove(i int) {
	for _, k := range r.waiting[i].counted {
		if r.queued[k]--; r.queued[k] == 0 {
			delete(r.queued, k)
			r.removeTurn(k)
		}
	}
	r.waiting = slices.Delete(r.waiting, i, i+1)
}

func (r *Resource) removeTurn(k key) {
	if r.inUse[k] == 0 && r.queued[k] == 0 {
		delete(r.turns, k)
	}
}

func (r *Resource) wait(ctx context.Context, w *waiter) error {
	timer := time.NewTimer(r.bounds.Wait)
	defer timer.Stop()
	r.mu.Lock()
	var again <-chan time.Time
	if r.recalls {
		ticker := time.NewTicker(recallEvery)
		defer ticker.Stop()
		again = ticker.C
	}
	r.mu.Unlock()
	var err error
	for err == nil {
		select {
		case decision := <-w.decided:
			return decision
		case <-again:
			r.mu.Lock()
			r.recall(w)
			r.mu.Unlock()
		case <-timer.C:
			err = ErrBusy
		case <-ctx.Done():
			if err = ctx.Err(); errors.Is(err, context.DeadlineExceeded) {
				err = ErrBusy
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, w); i >= 0 {
		r.remove(i)
		r.serve() // the next waiter may fit
		return err
	}
	return <-w.decided // decided since the select
}

// Contended reports whether a caller waits.
func (r *Resource) Contended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting) > 0
}

// Load returns the weight in use and the number of waiters.
func (r *Resource) Load() (used int64, waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used, len(r.waiting)
}
