package admission

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"healthcare/platform/errs"
)

// The errors of a Resource.
var (
	// ErrShare rejects a caller that has more waiting or in use than others that wait too.
	ErrShare = errs.New(
		errs.Throttled,
		"too_many_requests",
		"Too many requests at once from this user or network. Try again shortly.",
	)
	// ErrBusy rejects a caller for whom there was no capacity in time.
	ErrBusy = errs.New(errs.Unavailable, "busy", "The service is busy. Try again shortly.")
)

// Bounds are the limits of a Resource.
type Bounds struct {
	Capacity int64         // how much may be in use at once, in whatever unit the weights have
	Waiting  int           // how many may wait, in each lane
	Wait     time.Duration // for how long
}

// Resource is shared by several callers at once. It is safe for concurrent use.
type Resource struct {
	bounds Bounds

	mu      sync.Mutex
	used    int64
	held    map[key]int64 // what is in use, by each key of who uses it
	waiting []*waiter     // in the order of their arrival
	lines   map[key]int   // how many of them, by each key and lane
	// when one of them was admitted last, as a number that grows; of those that wait or have something in use
	turns map[key]int64
	turn  int64

	recallable map[*waiter]struct{}
	recalls    bool  // some use was recallable
	recalled   int64 // how much is about to come back
}

type waiter struct {
	counted []key // by which a use is counted: keys, and lane
	keys    []key
	lane    key
	weight  int64
	decided chan error // nil admits; holds one; made when it has to wait
	lease   leaseState
}

func waiterOf(by Caller, weight int64) *waiter {
	lane := key{user: by.lane, lane: true}
	counted := append(by.each(), lane)
	return &waiter{counted: counted, keys: counted[:len(counted)-1], lane: lane, weight: weight}
}

// NewResource returns an unused Resource.
func NewResource(b Bounds) *Resource {
	return &Resource{
		bounds:     b,
		held:       map[key]int64{},
		lines:      map[key]int{},
		turns:      map[key]int64{},
		recallable: map[*waiter]struct{}{},
	}
}

// Acquire takes weight of the resource for the caller, who returns it by calling release once. A weight beyond the
// capacity takes all of it. Acquire waits while there is no capacity. The waiting caller whose user and networks have
// the least in use is served next. Errors: ErrShare, ErrBusy and that of ctx; release is nil then.
func (r *Resource) Acquire(ctx context.Context, by Caller, weight int64) (release func(), err error) {
	l, err := r.Lease(ctx, by, weight)
	if err != nil {
		return nil, err
	}
	return l.Release, nil
}

// enter admits the caller at once, lets it wait, or rejects the caller that has most waiting.
func (r *Resource) enter(w *waiter) (admitted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 && r.fits(w) {
		r.admit(w)
		return true
	}
	w.decided = make(chan error, 1)
	if r.lines[w.lane] >= r.bounds.Waiting && !r.evict(w) {
		w.decided <- ErrShare
		return false
	}
	r.waiting = append(r.waiting, w)
	for _, k := range w.counted {
		r.lines[k]++
	}
	r.recall(w)
	r.serve() // the newcomer may be next, and fit
	return false
}

// evict rejects the last waiter of the caller in the newcomer's lane that has most waiting, unless that is the
// newcomer.
func (r *Resource) evict(newcomer *waiter) bool {
	longest, last := r.line(newcomer)+1, -1
	for i, w := range r.waiting {
		if w.lane != newcomer.lane {
			continue
		}
		if line := r.line(w); line > longest || line == longest && last >= 0 {
			longest, last = line, i
		}
	}
	if last < 0 {
		return false
	}
	evicted := r.waiting[last]
	r.remove(last)
	evicted.decided <- ErrShare
	return true
}

// line returns how many wait for the caller, by the key with most.
func (r *Resource) line(w *waiter) (longest int) {
	for _, k := range w.keys {
		longest = max(longest, r.lines[k])
	}
	return longest
}

// share returns how much the caller has in use, by the key with most.
func (r *Resource) share(w *waiter) (most int64) {
	for _, k := range w.keys {
		most = max(most, r.held[k])
	}
	return most
}

func (r *Resource) fits(w *waiter) bool { return r.used+w.weight <= r.bounds.Capacity }

func (r *Resource) admit(w *waiter) {
	r.used += w.weight
	r.turn++
	for _, k := range w.counted {
		r.held[k] += w.weight
		r.turns[k] = r.turn
	}
}

// resize changes how much an admitted caller has in use.
func (r *Resource) resize(w *waiter, weight int64) {
	more := weight - w.weight
	r.used += more
	if w.lease.recalled {
		r.recalled += more
	}
	for _, k := range w.counted {
		if r.held[k] += more; r.held[k] == 0 {
			delete(r.held, k)
			r.removeTurn(k)
		}
	}
	w.weight = weight
	r.serve()
}

// serve admits waiters: first those whose user and networks have the least in use, then those served longest ago, so
// that a long line is not served before a short one. Lanes alternate in the same way. No waiter overtakes one that
// needs more capacity than is free, as that one would wait for ever.
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

// precedence returns the rank of a waiter. The least is served next.
func (r *Resource) precedence(w *waiter) [4]int64 {
	return [...]int64{r.held[w.lane], r.turns[w.lane], r.share(w), r.lastTurn(w)}
}

// lastTurn returns when the caller was served last, by the key with the latest time.
func (r *Resource) lastTurn(w *waiter) (last int64) {
	for _, k := range w.keys {
		last = max(last, r.turns[k])
	}
	return last
}

// remove removes a waiter from the line.
func (r *Resource) remove(i int) {
	for _, k := range r.waiting[i].counted {
		if r.lines[k]--; r.lines[k] == 0 {
			delete(r.lines, k)
			r.removeTurn(k)
		}
	}
	r.waiting = slices.Delete(r.waiting, i, i+1)
}

func (r *Resource) removeTurn(k key) {
	if r.held[k] == 0 && r.lines[k] == 0 {
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
		r.serve() // whoever stood behind it may fit
		return err
	}
	return <-w.decided // it was decided meanwhile
}

// Contended reports whether a caller waits.
func (r *Resource) Contended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting) > 0
}

// Load returns how much is in use and how many wait.
func (r *Resource) Load() (used int64, waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used, len(r.waiting)
}
