package app

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

var errFuture = errors.New("entries of the future cannot be pruned: choose a day that has begun (UTC)")

// deleteBatch is the maximum number of entries that one transaction deletes.
const deleteBatch = 10_000

// Prune deletes the entries that are older than an instant, and returns their number. Of the chain it deletes whole
// blocks of the index, which have at most the entries of a day. The remaining trail verifies: each chain keeps the MAC
// before its first entry or segment, and the chain of segments records these. Without an entry that is old enough it
// records nothing. Errors: errFuture; the store's, also when the role does not own the tables.
func (m *Maintenance) Prune(ctx context.Context, before time.Time, progress Progress) (removed int64, err error) {
	if before.After(m.clock.Now()) {
		return 0, errFuture
	}
	cuts, err := m.cuts(ctx, before)
	if err != nil {
		return 0, err
	}
	if cuts.removed == 0 {
		return 0, nil
	}
	entry := audit.Entry{
		Action: audit.TrailPruned, Resource: auditEvent, Outcome: audit.Success, Count: cuts.last(),
	}
	if err := m.recorder.Record(ctx, auth.Operator, entry); err != nil {
		return 0, err
	}
	if err := errors.Join(m.sealing.Flush(ctx), m.sealing.SealMarks(ctx, cuts.marks())); err != nil {
		return 0, err
	}
	err = m.tx.Do(ctx, func(ctx context.Context) error {
		for _, span := range cuts.spans {
			if err := m.ledger.SetAnchor(ctx, span.Chain, span.From); err != nil {
				return err
			}
		}
		if err := m.segments.SetSegmentAnchor(ctx, cuts.segments); err != nil {
			return err
		}
		return m.ledger.DropMonths(ctx, before)
	})
	if err != nil {
		return 0, err
	}
	return cuts.removed, m.deletePruned(ctx, cuts, progress)
}

// cuts are the places where the chains will begin.
type cuts struct {
	spans    []domain.Span   // of the chains of entries
	segments domain.Position // the last segment to delete
	removed  int64           // entries
}

// last returns the sequence of the last entry to delete, of the longest chain.
func (c cuts) last() int64 {
	last := c.segments.Sequence
	for _, span := range c.spans {
		last = max(last, span.From.Sequence)
	}
	return last
}

func (c cuts) marks() []domain.Mark {
	marks := []domain.Mark{{Kind: domain.Pruned, Chain: domain.SegmentChain, Link: c.segments.Link()}}
	for _, span := range c.spans {
		marks = append(marks, domain.Mark{Kind: domain.Pruned, Chain: span.Chain, Link: span.From})
	}
	return marks
}

// cuts returns where the chains begin if everything before an instant is deleted.
func (m *Maintenance) cuts(ctx context.Context, before time.Time) (c cuts, err error) {
	if c.spans, err = m.ledger.Spans(ctx); err != nil {
		return c, err
	}
	for i, span := range c.spans {
		anchor, err := m.lastBefore(ctx, span, before)
		if err != nil {
			return c, err
		}
		if anchor.Sequence > span.From.Sequence {
			c.removed += anchor.Sequence - span.From.Sequence
			c.spans[i].From = anchor
		}
	}
	chain, err := m.segments.Chain(ctx)
	if err != nil {
		return c, err
	}
	c.segments = chain.Span.From
	if err := m.sealing.Index(ctx); err != nil {
		return c, err
	}
	last, err := m.segments.LastSealedBefore(ctx, before, m.clock.Now())
	if err != nil {
		return c, err
	}
	blocks, err := m.segments.Blocks(ctx, domain.BlockTerm, c.segments.Number, last, true, 1)
	if err != nil || len(blocks) == 0 {
		return c, err
	}
	found, err := m.segments.Select(ctx, []int64{blocks[0].Block})
	if err != nil || len(found) == 0 {
		return c, err
	}
	end := found[0].End()
	c.removed += end.Sequence - c.segments.Sequence
	c.segments = end
	return c, nil
}

// deletePruned deletes the entries, segments and index rows up to the anchors.
func (m *Maintenance) deletePruned(ctx context.Context, c cuts, progress Progress) error {
	for _, span := range c.spans {
		for deleted, more := int64(0), true; more; deleted += deleteBatch {
			progress(min(deleted, c.removed), c.removed)
			var err error
			if more, err = m.ledger.DeleteEntries(ctx, span.Chain, deleteBatch); err != nil {
				return err
			}
		}
		for from, more := uuid.Nil, true; more; {
			var err error
			if from, more, err = m.ledger.DeleteSubjects(ctx, span.Chain, from, deleteBatch); err != nil {
				return err
			}
		}
	}
	for {
		blocks, err := m.segments.Blocks(ctx, domain.BlockTerm, 0, c.segments.Number, false, 1)
		if err != nil || len(blocks) == 0 {
			return err
		}
		progress(blocks[0].Block, c.segments.Number)
		if err := m.deleteBlock(ctx, blocks[0]); err != nil {
			return err
		}
	}
}

// deleteBlock deletes a block: first the rows of its terms, last the row that lists it, so that an interrupted deletion
// is continued.
func (m *Maintenance) deleteBlock(ctx context.Context, block domain.IndexRow) error {
	numbers, ok := block.Numbers()
	if !ok {
		return errMalformedIndex
	}
	first := numbers[len(numbers)-1]
	terms, err := readBlock(ctx, m.segments, first-1, block.Block)
	if err != nil && !errors.Is(err, errSegmentMissing) { // missing: deleted before an interruption
		return err
	}
	if err == nil {
		for part := range chunked(terms.Rows(block.Block), termsLimit) {
			part = slices.DeleteFunc(part, func(t domain.Term) bool { return t == domain.BlockTerm })
			if len(part) == 0 {
				continue
			}
			if err := m.segments.DeleteIndexRows(ctx, block.Block, part); err != nil {
				return err
			}
		}
	}
	return errors.Join(
		m.segments.DeleteSegments(ctx, block.Block),
		m.segments.DeleteIndexRows(ctx, block.Block, []domain.Term{domain.BlockTerm}),
	)
}

// termsLimit is the maximum number of terms of one statement.
const termsLimit = 500

// chunked yields the terms of rows in parts.
func chunked(rows iter.Seq[domain.IndexRow], limit int) iter.Seq[[]domain.Term] {
	return func(yield func([]domain.Term) bool) {
		var part []domain.Term
		for row := range rows {
			if part = append(part, row.Term); len(part) == limit {
				if !yield(part) {
					return
				}
				part = nil
			}
		}
		if len(part) > 0 {
			yield(part)
		}
	}
}

// CloseChains ends the chains of entries of earlier releases, to which these cannot append any more. It reports false
// if that was done before. Errors: the store's; errChainsGrow.
func (m *Maintenance) CloseChains(ctx context.Context) (closed bool, err error) {
	chain, err := m.segments.Chain(ctx)
	if err != nil || chain.Closed {
		return false, err
	}
	if closed, err = closeChains(ctx, m.ledger, m.sealing); err == nil && !closed {
		err = errChainsGrow
	}
	return closed, err
}

var errChainsGrow = errors.New("an earlier release is recording: stop its instances, and try again")

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
