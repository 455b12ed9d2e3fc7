// Package app implements the use cases of the audit module: recording, signing checkpoints, reading, and the
// operator's commands.
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
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
)

// maxPending is the maximum number of entries in the group that waits for the running commit.
const maxPending = 2048

// Recorder writes the trail. Entries recorded outside of a transaction share commits: while one group commits, the next
// group collects entries. So a single entry is committed at once, and concurrent entries need few commits.
type Recorder struct {
	segments ports.Segments
	keys     domain.Keys
	clock    clock.Clock
	sealing  *Sealing
	writer   *domain.Writer
	timeout  time.Duration

	mu         sync.Mutex
	pending    *group // collects entries while another group commits; nil if empty
	committing bool
	tally      Tally
}

var _ audit.Recorder = (*Recorder)(nil)

// group is a set of entries that share a commit.
type group struct {
	entries []domain.Entry
	done    chan struct{} // closed when err is set
	err     error
}

// NewRecorder returns a Recorder that inserts batches for sealing.
func NewRecorder(
	segments ports.Segments, keys domain.Keys, clk clock.Clock, sealing *Sealing, cfg trail.Config,
) *Recorder {
	return &Recorder{
		segments: segments, keys: keys, clock: clk, sealing: sealing, writer: domain.NewWriter(),
		timeout: cfg.CommitTimeout,
	}
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
	if err := r.segments.CheckContext(ctx); err != nil {
		return err // the commit of the group would wait for the transaction that waits for it
	}
	switch {
	case len(drafts) == 0:
		return nil
	case !r.segments.InTransaction(ctx):
		return r.recordInGroup(ctx, drafts)
	case entries[0].Action == audit.Refused: // must persist although the refusal rolls the transaction back
		return r.segments.AfterTransaction(ctx, func(ctx context.Context) error { return r.recordInGroup(ctx, drafts) })
	}
	return r.append(ctx, drafts)
}

// recordInGroup commits drafts in a group with the entries of other callers.
func (r *Recorder) recordInGroup(ctx context.Context, drafts []domain.Entry) error {
	g, err := r.enqueue(drafts)
	if err != nil {
		return err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return unavailable(ctx.Err()) // the entries may still be committed: too many entries, never too few
	}
}

// enqueue adds entries to the pending group, and starts commit if it is not running.
func (r *Recorder) enqueue(drafts []domain.Entry) (*group, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == nil {
		r.pending = &group{done: make(chan struct{})}
	}
	if waiting := len(r.pending.entries); waiting > 0 && waiting+len(drafts) > maxPending {
		r.tally.Failures++
		return nil, unavailable(errors.New("too many entries are waiting to be recorded"))
	}
	r.pending.entries = append(r.pending.entries, drafts...)
	if !r.committing {
		r.committing = true
		go r.commit()
	}
	return r.pending, nil
}

// commit commits one group after another until none is pending.
func (r *Recorder) commit() {
	for {
		r.mu.Lock()
		g := r.pending
		r.pending = nil
		r.committing = g != nil
		r.mu.Unlock()
		if g == nil {
			return
		}
		g.err = r.appendGroup(g.entries)
		close(g.done)
	}
}

// appendGroup appends the entries of several callers, so it uses none of their contexts. It returns a panic as an
// error, because a panic in this goroutine would end the process.
func (r *Recorder) appendGroup(entries []domain.Entry) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("audit: panic while appending entries")
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	return r.append(ctx, entries)
}

// maxUnsealed is the maximum number of batches in the inbox, above which nothing is recorded: the sealing fails.
const maxUnsealed = 100_000

var errBehind = errors.New("too many batches are not sealed")

// append inserts drafts as batches. Each is acknowledged by a later batch once it is committed.
func (r *Recorder) append(ctx context.Context, drafts []domain.Entry) (err error) {
	all := len(drafts)
	defer func() { r.count(all, err) }()
	if r.sealing.Behind() {
		return unavailable(errBehind)
	}
	for len(drafts) > 0 {
		entries := drafts[:batchLength(drafts)]
		drafts = drafts[len(entries):]
		batch := r.writer.Next(r.clock.Now(), entries)
		if err := r.segments.Insert(ctx, len(entries), batch.Seal(r.keys)); err != nil {
			return unavailable(err)
		}
		r.segments.AfterCommit(ctx, func() { r.writer.Committed(batch) })
	}
	return nil
}

// batchLength returns the number of the first drafts that fit into a batch, at least one.
func batchLength(drafts []domain.Entry) int {
	size := 0
	for i, e := range drafts[:min(len(drafts), domain.MaxBatchEntries)] {
		if size += e.MaxSize(); size > domain.MaxBatchBytes && i > 0 {
			return i
		}
	}
	return min(len(drafts), domain.MaxBatchEntries)
}

// unavailable maps every error to ErrUnavailable, because the client may retry in any case.
func unavailable(err error) error {
	if err == nil || errs.KindOf(err) == errs.Unavailable {
		return err
	}
	e := trail.ErrUnavailable.Because(err)
	e.RetryAfter = time.Second
	return e
}

// draft returns the entry without its place in a chain. Errors: a plain error for an invalid entry.
func draft(request audit.Request, who auth.Principal, entry audit.Entry) (domain.Entry, error) {
	if err := entry.Check(); err != nil {
		return domain.Entry{}, err
	}
	e := domain.Entry{
		ID:           uuid.Must(uuid.NewV7()),
		RequestID:    request.ID,
		ActorID:      who.UserID,
		Role:         string(who.Role),
		SessionID:    who.SessionID,
		Action:       string(entry.Action),
		ResourceType: string(entry.Resource),
		ResourceID:   entry.ResourceID,
		PatientID:    entry.PatientID,
		Outcome:      string(entry.Outcome),
		Status:       entry.Status,
		Basis:        entry.Reason.Basis,
		GrantID:      entry.Reason.Grant,
		ForID:        entry.Reason.For,
		Count:        max(entry.Count, int64(len(entry.IDs))),
	}
	if entry.Action != audit.Granted && entry.Action != audit.Withdrawn { // whose basis is that of the grant
		e.Purpose = patients.PurposeOfUse(entry.Reason)
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
