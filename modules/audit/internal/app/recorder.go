// Package app holds the use cases of the audit module: recording, keeping checkpoints, reading, and what an operator does with the trail.
package app

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
)

// maxWaiting is how many entries may wait for the commit after the one that runs.
const maxWaiting = 2048

// Recorder writes the trail. What is recorded outside of a transaction shares commits: while one group commits, the next one forms, so a
// lone entry waits for nobody and a crowd pays for few commits.
type Recorder struct {
	ledger  ports.Ledger
	keys    domain.Keys
	clock   clock.Clock
	timeout time.Duration

	mu         sync.Mutex
	forming    *group // waits for the commit that runs; nil when nobody waits
	committing bool
	tally      Tally
}

var _ audit.Recorder = (*Recorder)(nil)

// group is what commits together.
type group struct {
	entries []domain.Entry
	done    chan struct{} // closed when err says what came of it
	err     error
}

// NewRecorder is the recorder over a ledger.
func NewRecorder(ledger ports.Ledger, keys domain.Keys, clock clock.Clock, cfg trail.Config) *Recorder {
	return &Recorder{ledger: ledger, keys: keys, clock: clock, timeout: cfg.CommitTimeout}
}

// Record implements audit.Recorder.
func (r *Recorder) Record(ctx context.Context, who auth.Principal, entries ...audit.Entry) error {
	request := audit.RequestOf(ctx)
	if request.ShowsNothing {
		entries = audit.WithoutIDs(entries)
	}
	drafts := make([]domain.Entry, len(entries))
	for i, e := range entries {
		var err error
		if drafts[i], err = draft(request, who, e); err != nil {
			return err
		}
	}
	if err := r.ledger.Stray(ctx); err != nil {
		return err // the commit of the group would wait for the transaction that waits for it
	}
	switch {
	case len(drafts) == 0:
		return nil
	case !r.ledger.InTransaction(ctx):
		return r.share(ctx, drafts)
	case entries[0].Action == audit.Refused: // which has the transaction undone, and must stand all the same
		return r.ledger.Afterwards(ctx, func(ctx context.Context) error { return r.share(ctx, drafts) })
	}
	return r.append(ctx, drafts)
}

// share commits drafts together with those of others.
func (r *Recorder) share(ctx context.Context, drafts []domain.Entry) error {
	g, err := r.join(drafts)
	if err != nil {
		return err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return unavailable(ctx.Err()) // the entries may stand: they say more than was done, never less
	}
}

// join adds entries to the group that forms, and sees to it that somebody commits it.
func (r *Recorder) join(drafts []domain.Entry) (*group, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forming == nil {
		r.forming = &group{done: make(chan struct{})}
	}
	if waiting := len(r.forming.entries); waiting > 0 && waiting+len(drafts) > maxWaiting {
		r.tally.Failures++
		return nil, unavailable(errors.New("too many entries wait to be recorded"))
	}
	r.forming.entries = append(r.forming.entries, drafts...)
	if !r.committing {
		r.committing = true
		go r.commit()
	}
	return r.forming, nil
}

// commit commits one group after the other until none has formed.
func (r *Recorder) commit() {
	for {
		r.mu.Lock()
		g := r.forming
		r.forming = nil
		r.committing = g != nil
		r.mu.Unlock()
		if g == nil {
			return
		}
		g.err = r.appendAlone(g.entries)
		close(g.done)
	}
}

// appendAlone commits for all who wait, so none of their contexts ends it. A panic is theirs to hear of, not the process's end.
func (r *Recorder) appendAlone(entries []domain.Entry) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("audit: a panic while entries were appended")
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	return r.append(ctx, entries)
}

func (r *Recorder) append(ctx context.Context, drafts []domain.Entry) error {
	err := r.ledger.Append(ctx, domain.AnyChain, sealing(r.keys, r.clock, drafts))
	r.count(len(drafts), err)
	return unavailable(err)
}

// sealing puts drafts after a head, as often as the store begins anew.
func sealing(keys domain.Keys, clock clock.Clock, drafts []domain.Entry) func(*domain.Head) []domain.Entry {
	return func(head *domain.Head) []domain.Entry {
		sealed := slices.Clone(drafts)
		for i := range sealed {
			head.Seal(&sealed[i], keys, clock.Now())
		}
		return sealed
	}
}

// unavailable is why a trail that cannot be written has nothing served: whatever went wrong, the client may come back.
func unavailable(err error) error {
	if err == nil || errs.KindOf(err) == errs.Unavailable {
		return err
	}
	e := trail.ErrUnavailable.Because(err)
	e.RetryAfter = time.Second
	return e
}

// draft is an entry before it has its place in a chain. Errors: a plain one for what is no entry.
func draft(request audit.Request, who auth.Principal, entry audit.Entry) (domain.Entry, error) {
	_, action := entry.Action.Event()
	_, outcome := entry.Outcome.Code()
	if !action || !outcome || !entry.Resource.Valid() {
		return domain.Entry{}, errors.New("audit: an entry without an action, a resource or an outcome of the sets")
	}
	e := domain.Entry{
		ID: uuid.Must(uuid.NewV7()), RequestID: request.ID, ActorID: who.UserID, Role: string(who.Role), SessionID: who.SessionID,
		Action: string(entry.Action), ResourceType: string(entry.Resource), ResourceID: entry.ResourceID, PatientID: entry.PatientID,
		Outcome: string(entry.Outcome), Status: entry.Status, Count: max(entry.Count, int64(len(entry.IDs))),
	}
	if request.Address.IsValid() {
		e.Address = request.Address.String()
	}
	if len(entry.IDs) > 0 {
		e.IDs = slices.Clone(entry.IDs[:min(len(entry.IDs), audit.MaxIDs)])
	}
	if len(entry.Fields) > 0 {
		e.Fields = slices.Clone(entry.Fields)
	}
	return e, e.Check()
}
