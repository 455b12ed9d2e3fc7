package app

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
)

const (
	// refusalWindow is the time after a recorded refusal during which further ones of the same kind are counted.
	refusalWindow = 10 * time.Minute

	// maxRefusalWindows bounds the memory of refusals to about 2 MB. The refusals beyond it share one window.
	maxRefusalWindows = 4096
)

// refusals records sign-ins that the throttle refused. The first refusal of a window is an entry, and further ones are
// counted. flush records the counts, one entry for each window. So a client that keeps trying does not fill the trail.
// A process that is killed loses the counts since the last flush.
type refusals struct {
	trail audit.Recorder
	clock clock.Clock
	key   []byte // hides the accounts; random, because windows end with the process

	mu      sync.Mutex
	windows map[refusalKey]*refusalCount
}

// refusalKey identifies the refusals that share a window. The zero key is that of the shared window.
type refusalKey struct {
	limit   domain.Scope
	client  string            // the client prefix; for domain.WideClient the wide one
	account [sha256.Size]byte // the HMAC of the mailbox; zero for the limits of a client at all accounts
}

// refusalCount is the state of a window.
type refusalCount struct {
	began time.Time
	count int64         // refusals that are not recorded yet
	last  audit.Request // of them; zero for the shared window
}

func newRefusals(trail audit.Recorder, clk clock.Clock) *refusals {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return &refusals{trail: trail, clock: clk, key: key, windows: map[refusalKey]*refusalCount{}}
}

func (r *refusals) keyOf(attempt domain.Attempt, refusal error) refusalKey {
	limit, _ := domain.BlockedBy(refusal)
	key := refusalKey{limit: limit, client: attempt.Prefix()}
	if limit == domain.WideClient {
		key.client = attempt.WidePrefix()
	}
	if limit == domain.Client || limit == domain.WideClient {
		return key // else one client could fill all windows with accounts that do not exist
	}
	mac := hmac.New(sha256.New, r.key)
	_, _ = mac.Write([]byte(attempt.Mailbox)) // a hash never fails
	mac.Sum(key.account[:0])
	return key
}

// add records a refused attempt if it is the first of its window, and otherwise counts it. A first refusal that cannot
// be recorded is counted as well.
func (r *refusals) add(ctx context.Context, attempt domain.Attempt, refusal error) {
	key, request := r.keyOf(attempt, refusal), audit.RequestOf(ctx)
	key, first := r.open(key)
	if first {
		entry := loginFailed(identity.UserID{}, http.StatusTooManyRequests)
		if r.trail.Record(ctx, auth.Principal{}, entry) == nil {
			return
		}
	}
	r.count(key, 1, request)
}

// open returns the key of the window in which a refusal is counted, and reports whether it begins with the refusal.
func (r *refusals) open(key refusalKey) (refusalKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	w := r.windows[key]
	if w == nil && len(r.windows) >= maxRefusalWindows {
		key = refusalKey{}
		w = r.windows[key]
	}
	if w == nil {
		r.windows[key] = &refusalCount{began: now}
		return key, true
	}
	if !w.ended(now) {
		return key, false
	}
	w.began = now // flush records the count of the window before together with that of the new one
	return key, true
}

// ended reports whether the next refusal is the first of a new window, also after the clock has gone back.
func (w *refusalCount) ended(now time.Time) bool {
	elapsed := now.Sub(w.began)
	return elapsed < 0 || elapsed >= refusalWindow
}

// count adds refusals to a window. If the window was removed in the meantime, it adds a window that has ended, which
// the next flush records and removes.
func (r *refusals) count(key refusalKey, refused int64, last audit.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.windows[key] == nil && len(r.windows) >= maxRefusalWindows {
		key = refusalKey{}
	}
	w := r.windows[key]
	if w == nil {
		w = new(refusalCount)
		r.windows[key] = w
	}
	w.count += refused
	if key != (refusalKey{}) { // the last request does not represent the clients of the shared window
		w.last = last
	}
}

// take returns the counts that are not recorded yet and resets them. It removes the windows that have ended.
func (r *refusals) take() map[refusalKey]refusalCount {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, counts := r.clock.Now(), map[refusalKey]refusalCount{}
	for key, w := range r.windows {
		if w.count > 0 {
			counts[key] = *w
			w.count = 0
		}
		if w.ended(now) {
			delete(r.windows, key)
		}
	}
	return counts
}

// flush records the counts, one after the other. After an error it records no more, and returns the number of refusals
// that the next flush records.
func (r *refusals) flush(ctx context.Context) (kept int64, err error) {
	for key, c := range r.take() {
		if err == nil {
			entry := loginFailed(identity.UserID{}, http.StatusTooManyRequests)
			entry.Count = c.count
			err = r.trail.Record(audit.WithRequest(ctx, c.last), auth.Principal{}, entry)
		}
		if err != nil {
			r.count(key, c.count, c.last)
			kept += c.count
		}
	}
	return kept, err
}

// RecordRefusals records the numbers of refused sign-ins since the last call that have no entries of their own. Call it
// each minute, and before the process ends. It returns the number of refusals that could not be recorded, which the
// next call records. Errors: those of the trail.
func (c *Credentials) RecordRefusals(ctx context.Context) (unrecorded int64, err error) {
	return c.refusals.flush(ctx)
}
