package app

import (
	"context"
	"errors"
	"sort"
	"time"

	"github.com/google/uuid"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/tx"
)

// Maintenance verifies, exports and prunes the whole trail for an operator.
type Maintenance struct {
	ledger      ports.Ledger
	keys        domain.Keys
	checkpoints ports.Checkpoints
	tx          tx.Runner
	clock       clock.Clock
}

// NewMaintenance returns the maintenance of the trail in ledger. If ledger is nil, it can only verify exports.
func NewMaintenance(
	ledger ports.Ledger, keys domain.Keys, checkpoints ports.Checkpoints, runner tx.Runner, clk clock.Clock,
) *Maintenance {
	return &Maintenance{ledger, keys, checkpoints, runner, clk}
}

// Operator is the actor of commands. It has no user, and a role that no user has.
var Operator = auth.Principal{Role: "operator"}

// Progress receives the number of processed entries and the number of all entries, of a chain or of the trail.
type Progress func(done, all int64)

// pageSize is the maximum number of entries in memory.
const pageSize = 1000

// eachEntry calls do for each entry of a span, and page for each page of entries.
func (m *Maintenance) eachEntry(
	ctx context.Context,
	span domain.Span,
	progress Progress,
	do func(domain.Entry) error,
	page func(context.Context, []domain.Entry) error,
) error {
	for after := span.From.Sequence; after < span.To.Sequence; {
		limit := int(min(pageSize, span.To.Sequence-after)) // excludes entries appended since the span was read
		entries, err := m.ledger.Read(ctx, span.Chain, after, limit)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if err := do(e); err != nil {
				return err
			}
		}
		if err := page(ctx, entries); err != nil {
			return err
		}
		after = entries[len(entries)-1].Sequence
		progress(after-span.From.Sequence, span.To.Sequence-span.From.Sequence)
	}
	return nil
}

// deleteBatch is the maximum number of entries that one transaction deletes.
const deleteBatch = 10_000

// Prune deletes the entries that are older than an instant, and returns their number. The remaining trail verifies:
// each chain keeps the MAC of its last deleted entry, and a new entry in the chain records the pruning. Errors:
// audit.ErrNothingToPrune; the store's, also when the role does not own the tables.
func (m *Maintenance) Prune(ctx context.Context, before time.Time, progress Progress) (removed int64, err error) {
	if before.After(m.clock.Now()) {
		before = m.clock.Now() // keeps entries recorded from now on
	}
	spans, err := m.ledger.Spans(ctx)
	if err != nil {
		return 0, err
	}
	for _, span := range spans {
		deleted, err := m.prune(ctx, span, before, progress)
		if err != nil {
			return removed, err
		}
		removed += deleted
	}
	if removed == 0 {
		return 0, trail.ErrNothingToPrune
	}
	return removed, nil
}

// lastBefore returns the last entry of a span that is older than an instant. Times never decrease along a chain, so a
// binary search finds it.
func (m *Maintenance) lastBefore(
	ctx context.Context, span domain.Span, before time.Time,
) (last domain.Link, err error) {
	last = span.From
	sort.Search(int(span.To.Sequence-span.From.Sequence), func(i int) bool {
		next, failed := m.ledger.Read(ctx, span.Chain, span.From.Sequence+int64(i), 1)
		if err = errors.Join(err, failed); err != nil || len(next) == 0 || !next[0].Time.Before(before) {
			return true
		}
		last = domain.Link{Sequence: next[0].Sequence, MAC: next[0].MAC}
		return false
	})
	return last, err
}

func (m *Maintenance) prune(ctx context.Context, span domain.Span, before time.Time, progress Progress) (int64, error) {
	anchor, err := m.lastBefore(ctx, span, before)
	if err != nil || anchor.Sequence <= span.From.Sequence {
		return 0, err
	}
	entry, err := draft(audit.RequestOf(ctx), Operator, audit.Entry{
		Action: audit.TrailPruned, Resource: auditEvent, Outcome: audit.Success, Count: anchor.Sequence,
	})
	if err != nil {
		return 0, err
	}
	err = m.tx.Do(ctx, func(ctx context.Context) error {
		if err := m.ledger.Append(ctx, span.Chain, sealAll(m.keys, m.clock, []domain.Entry{entry})); err != nil {
			return err
		}
		if err := m.ledger.SetAnchor(ctx, span.Chain, anchor); err != nil {
			return err
		}
		return m.ledger.DropMonths(ctx, before)
	})
	all := anchor.Sequence - span.From.Sequence
	for deleted, more := int64(0), err == nil; more; deleted += deleteBatch {
		progress(min(deleted, all), all)
		if more, err = m.ledger.DeleteEntries(ctx, span.Chain, deleteBatch); err != nil {
			return 0, err
		}
	}
	for from, more := uuid.Nil, err == nil; more; {
		if from, more, err = m.ledger.DeleteSubjects(ctx, span.Chain, from, deleteBatch); err != nil {
			return 0, err
		}
	}
	return all, err
}
