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

// Custodian is what an operator does with the whole trail: verify, export and prune it.
type Custodian struct {
	ledger      ports.Ledger
	keys        domain.Keys
	checkpoints ports.Checkpoints
	tx          tx.Runner
	clock       clock.Clock
}

// NewCustodian wires the use cases.
func NewCustodian(ledger ports.Ledger, keys domain.Keys, checkpoints ports.Checkpoints, tx tx.Runner, clock clock.Clock) *Custodian {
	return &Custodian{ledger, keys, checkpoints, tx, clock}
}

// Operator is who acts from the command line: nobody signed in, with a role of no user's.
var Operator = auth.Principal{Role: "operator"}

// Progress hears how many entries of a chain, or of all, are done, and how many there are.
type Progress func(done, all int64)

// pageSize is how many entries are in memory at a time.
const pageSize = 1000

// each hands over what is kept of a chain, entry by entry, and then the same a page at a time.
func (c *Custodian) each(
	ctx context.Context, span domain.Span, progress Progress, do func(domain.Entry) error, page func(context.Context, []domain.Entry) error,
) error {
	for after := span.From.Sequence; after < span.To.Sequence; {
		entries, err := c.ledger.Read(ctx, span.Chain, after, int(min(pageSize, span.To.Sequence-after))) // no more than there was
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

// discardAtOnce is how many entries one transaction removes.
const discardAtOnce = 10_000

// Prune removes the entries that are older than an instant, and records that it did. What is left verifies: each chain keeps the MAC that its first
// entry follows, and the entry that says so seals it. It tells how many entries went.
// Errors: audit.ErrNothingToPrune; the store's, also when the role does not own the tables.
func (c *Custodian) Prune(ctx context.Context, before time.Time, progress Progress) (removed int64, err error) {
	if before.After(c.clock.Now()) {
		before = c.clock.Now() // what is recorded meanwhile stays
	}
	spans, err := c.ledger.Spans(ctx)
	if err != nil {
		return 0, err
	}
	for _, span := range spans {
		gone, err := c.prune(ctx, span, before, progress)
		if err != nil {
			return removed, err
		}
		removed += gone
	}
	if removed == 0 {
		return 0, trail.ErrNothingToPrune
	}
	return removed, nil
}

// lastBefore is where a span ends that holds only what is older than an instant. Times never go back along a chain, so it is found by halving.
func (c *Custodian) lastBefore(ctx context.Context, span domain.Span, before time.Time) (last domain.Link, err error) {
	last = span.From
	sort.Search(int(span.To.Sequence-span.From.Sequence), func(i int) bool {
		next, failed := c.ledger.Read(ctx, span.Chain, span.From.Sequence+int64(i), 1)
		if err = errors.Join(err, failed); err != nil || len(next) == 0 || !next[0].Time.Before(before) {
			return true
		}
		last = domain.Link{Sequence: next[0].Sequence, MAC: next[0].MAC}
		return false
	})
	return last, err
}

func (c *Custodian) prune(ctx context.Context, span domain.Span, before time.Time, progress Progress) (int64, error) {
	anchor, err := c.lastBefore(ctx, span, before)
	if err != nil || anchor.Sequence <= span.From.Sequence {
		return 0, err
	}
	entry, err := draft(audit.RequestOf(ctx), Operator, audit.Entry{
		Action: audit.TrailPruned, Resource: auditEvent, Outcome: audit.Success, Count: anchor.Sequence,
	})
	if err != nil {
		return 0, err
	}
	err = c.tx.Do(ctx, func(ctx context.Context) error {
		if err := c.ledger.Append(ctx, span.Chain, sealing(c.keys, c.clock, []domain.Entry{entry})); err != nil {
			return err
		}
		if err := c.ledger.Anchor(ctx, span.Chain, anchor); err != nil {
			return err
		}
		return c.ledger.DropMonths(ctx, before)
	})
	all := anchor.Sequence - span.From.Sequence
	for gone, more := int64(0), err == nil; more; gone += discardAtOnce {
		progress(min(gone, all), all)
		if more, err = c.ledger.Discard(ctx, span.Chain, discardAtOnce); err != nil {
			return 0, err
		}
	}
	for from, more := uuid.Nil, err == nil; more; {
		if from, more, err = c.ledger.Forget(ctx, span.Chain, from, discardAtOnce); err != nil {
			return 0, err
		}
	}
	return all, err
}
