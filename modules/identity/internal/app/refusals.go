package app

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
)

const (
	// refusalWindow is the time during which refused sign-ins of a network are counted, before their number is
	// recorded.
	refusalWindow = 10 * time.Minute

	// maxRefusalWindows bounds the memory of refusals: some 3 MB. The networks beyond it share one window.
	maxRefusalWindows = 10_000
)

// refusals records sign-ins that the throttle refused: the first of a network at once, those of the following ten
// minutes as one entry with their number. So a client that keeps trying does not fill the trail. A process that is
// killed loses the numbers of open windows.
type refusals struct {
	trail audit.Recorder
	clock clock.Clock

	mu      sync.Mutex
	windows map[string]*refused // by network
}

// refused is the window of a network.
type refused struct {
	network string
	ends    time.Time
	count   int64         // since the one that was recorded
	last    audit.Request // of them
}

func newRefusals(trail audit.Recorder, clk clock.Clock) *refusals {
	return &refusals{trail: trail, clock: clk, windows: map[string]*refused{}}
}

// add records a refused sign-in, or counts it.
func (r *refusals) add(ctx context.Context, client netip.Addr) {
	ended, first := r.note(ctx, cmp.Or(domain.Network(client), "unknown"))
	r.record(ended)
	if first {
		_ = r.trail.Record(ctx, auth.Principal{}, loginFailed(identity.UserID{}, http.StatusTooManyRequests))
	}
}

// note counts a refused sign-in in the window of its network, unless it is the first. It returns the window that ended,
// if there is one.
func (r *refusals) note(ctx context.Context, network string) (ended *refused, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	w := r.windows[network]
	if w == nil && len(r.windows) >= maxRefusalWindows {
		network = "others"
		w = r.windows[network]
	}
	if w != nil && now.Before(w.ends) {
		w.count, w.last = w.count+1, audit.RequestOf(ctx)
		return nil, false
	}
	r.windows[network] = &refused{network: network, ends: now.Add(refusalWindow)}
	return w, true
}

// flush records the numbers of the windows that have ended, or of all.
func (r *refusals) flush(all bool) {
	r.mu.Lock()
	now := r.clock.Now()
	var ended []*refused
	for network, w := range r.windows {
		if all || !now.Before(w.ends) {
			delete(r.windows, network)
			ended = append(ended, w)
		}
	}
	r.mu.Unlock()
	for _, w := range ended {
		r.record(w)
	}
}

// record records the number of a window. If the trail cannot be written, the number is kept for the next attempt.
func (r *refusals) record(w *refused) {
	if w == nil || w.count == 0 {
		return
	}
	entry := loginFailed(identity.UserID{}, http.StatusTooManyRequests)
	entry.Count = w.count
	if r.trail.Record(audit.WithRequest(context.Background(), w.last), auth.Principal{}, entry) == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.windows[w.network]; now != nil {
		now.count, now.last = now.count+w.count, w.last
	} else {
		r.windows[w.network] = w
	}
}

// RecordRefusals records the numbers of refused sign-ins whose window has ended, or of all before the process ends.
func (c *Credentials) RecordRefusals(all bool) { c.refusals.flush(all) }
