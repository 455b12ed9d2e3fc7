// Package audittest provides audit.Recorders for the tests of modules, without a trail.
package audittest

import (
	"context"
	"slices"
	"sync"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/databasetest"
)

// Recorder is an audit.Recorder in memory; the zero Recorder is empty. It accepts the entries that the trail accepts,
// and also keeps those of transactions that are rolled back.
type Recorder struct {
	mu       sync.Mutex
	recorded []Recorded
	refusal  error
}

// Recorded is an entry, the user who caused it, and the request.
type Recorded struct {
	Who     auth.Principal
	Request audit.Request
	audit.Entry
}

// Record implements audit.Recorder. Record is a step for databasetest.RunWithFaults.
func (r *Recorder) Record(ctx context.Context, who auth.Principal, entries ...audit.Entry) error {
	if err := databasetest.InjectFault(ctx, "audit entry"); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refusal != nil {
		return r.refusal
	}
	for _, entry := range entries {
		if err := entry.Check(); err != nil {
			return err
		}
		r.recorded = append(r.recorded, Recorded{who, audit.RequestOf(ctx), entry})
	}
	return nil
}

// Refuse sets the error that the following calls of Record return; nil resets it.
func (r *Recorder) Refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusal = err
}

// Recorded returns the entries that were recorded so far.
func (r *Recorder) Recorded() []Recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.recorded)
}
