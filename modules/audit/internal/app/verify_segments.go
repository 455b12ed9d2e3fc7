package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"healthcare/modules/audit/internal/domain"
)

// verifySegments verifies the chain of segments, its index and the inbox, and returns the chain's marks. If the chain
// was pruned meanwhile, it starts again.
func (m *Maintenance) verifySegments(
	ctx context.Context, checkpoints string, progress Progress, report *Report,
) ([]domain.Mark, error) {
	for {
		*report = Report{}
		var span domain.SegmentSpan
		marks, err := m.walkSegments(checkpoints, report, func() (domain.SegmentSpan, []domain.Batch, error) {
			// Batches are in the inbox before they are in the chain, so the chain is read later.
			unsealed, err := m.verifyInbox(ctx)
			if err != nil {
				return span, nil, err
			}
			chain, err := m.segments.Chain(ctx)
			span = chain.Span
			return span, unsealed, err
		}, func(next func(domain.Segment) ([]domain.Record, error)) error {
			return m.eachSegment(ctx, span, progress, next)
		})
		if err == nil {
			return marks, m.sealing.checkStray(ctx, span.To.Number)
		}
		if chain, failed := m.segments.Chain(ctx); failed != nil || chain.Span.From.Number <= span.From.Number {
			return nil, err
		}
	}
}

// walkSegments verifies the span that of returns, together with the batches of the inbox. each passes the segments of
// the span to next.
func (m *Maintenance) walkSegments(
	checkpoints string,
	report *Report,
	of func() (domain.SegmentSpan, []domain.Batch, error),
	each func(next func(domain.Segment) ([]domain.Record, error)) error,
) ([]domain.Mark, error) {
	file, err := m.checkpoints.Open(checkpoints)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	span, unsealed, err := of()
	if err != nil {
		return nil, err
	}
	lines := &checkpointLines{
		keys: m.keys, of: func(chain int) bool { return chain == domain.SegmentChain }, from: file,
	}
	v := domain.NewSegmentVerifier(m.keys, span, lines.all)
	defer v.Close()
	for _, b := range unsealed {
		v.AddUnsealed(b)
		report.Unsealed += int64(len(b.Entries))
	}
	if err = each(v.Next); err == nil {
		err = v.End()
	}
	report.Entries += v.Verified().Sequence - span.From.Sequence + report.Unsealed
	report.Notes, report.Jumps = v.Notes()
	report.Torn = lines.torn
	report.Compared.Add(v.Compared())
	return v.Marks(), errors.Join(err, lines.failed)
}

// verifyInbox verifies the MACs of all batches in the inbox, and returns these with empty entries.
// Errors: *domain.Flaw; the store's.
func (m *Maintenance) verifyInbox(ctx context.Context) (all []domain.Batch, err error) {
	seen := domain.NewHistory(true)
	for after := int64(0); ; {
		rows, err := m.segments.Inbox(ctx, after)
		if err != nil || len(rows) == 0 {
			return all, err
		}
		for _, row := range rows {
			batch, _, err := m.keys.Open(row.Bytes)
			if err == nil && seen.Contains(batch) {
				err = errCopied
			}
			if err != nil {
				chain, failed := m.segments.Chain(ctx)
				return nil, errors.Join(failed, &domain.Flaw{
					Chain: domain.SegmentChain, Sequence: chain.Span.To.Number + 1,
					Reason: fmt.Sprintf("will have batch %d of the inbox, which is not authentic: %v", row.ID, err),
				})
			}
			seen.Add(batch, 0)
			batch.Entries = make([]domain.Entry, len(batch.Entries)) // only their number is needed
			all = append(all, batch)
			after = row.ID
		}
	}
}

var errCopied = errors.New("the inbox has it twice")

// eachSegment passes the segments of a span to next, and compares the index of each complete block with their records.
func (m *Maintenance) eachSegment(
	ctx context.Context, span domain.SegmentSpan, progress Progress,
	next func(domain.Segment) ([]domain.Record, error),
) error {
	indexed, err := lastBlock(ctx, m.segments, span)
	if err != nil {
		return err
	}
	index, end, sizes := new(domain.BlockIndex), int64(0), map[int64]int64{}
	add := func(s domain.Segment, records []domain.Record) error {
		if s.Number > indexed {
			return nil
		}
		if end == 0 {
			blocks, err := m.segments.Blocks(ctx, domain.BlockTerm, s.Number-1, indexed, false, 1)
			if err != nil {
				return err
			}
			end = blocks[0].Block // of the last complete block, or of one before
		}
		index.Add(s.Number, records)
		if s.Number < end {
			return nil
		}
		size, err := m.checkBlock(ctx, index, end)
		sizes[end] = size
		index, end = new(domain.BlockIndex), 0
		return err
	}
	for after := span.From.Number; after < span.To.Number; {
		part, err := m.segments.Range(ctx, after, span.To.Number, rangeLimit)
		if err != nil || len(part) == 0 {
			return err
		}
		for _, segment := range part {
			records, err := next(segment)
			if err != nil {
				return err
			}
			if err := add(segment, records); err != nil {
				return err
			}
		}
		last := part[len(part)-1]
		after = last.Number
		progress(last.End().Sequence-span.From.Sequence, span.To.Sequence-span.From.Sequence)
	}
	return m.checkSizes(ctx, sizes, span.From.Number, indexed)
}

// checkSizes compares the numbers of rows of the index by block, after a segment and up to another, with those that the
// segments require. Errors: *domain.Flaw; the store's.
func (m *Maintenance) checkSizes(ctx context.Context, required map[int64]int64, after, upTo int64) error {
	stored, err := m.segments.IndexSizes(ctx)
	if err != nil {
		return err
	}
	for _, block := range slices.Sorted(maps.Keys(stored)) {
		if block > after && block <= upTo && stored[block] != required[block] {
			return &domain.Flaw{
				Chain: domain.SegmentChain, Sequence: block,
				Reason: "has rows in the index (audit_index) that no segment requires: they were inserted",
			}
		}
	}
	return nil
}

// checkBlock compares the index of a block with the rows that its segments require, and returns their number.
// Errors: *domain.Flaw; the store's.
func (m *Maintenance) checkBlock(
	ctx context.Context, index *domain.BlockIndex, end int64,
) (size int64, err error) {
	part := make([]domain.IndexRow, 0, termsLimit)
	check := func() error {
		terms := make([]domain.Term, len(part))
		for i, row := range part {
			terms[i] = row.Term
		}
		stored, err := m.segments.IndexRows(ctx, end, terms)
		if err != nil {
			return err
		}
		found := make(map[domain.Term][]byte, len(stored))
		for _, row := range stored {
			found[row.Term] = row.Segments
		}
		for _, row := range part {
			if !bytes.Equal(found[row.Term], row.Segments) {
				numbers, _ := row.Numbers()
				return &domain.Flaw{
					Chain: domain.SegmentChain, Sequence: numbers[0],
					Reason: "is missing in the index (audit_index), or found by a wrong value",
				}
			}
		}
		part = part[:0]
		return nil
	}
	for row := range index.Rows(end) {
		size++
		if part = append(part, row); len(part) == termsLimit {
			if err := check(); err != nil {
				return size, err
			}
		}
	}
	if len(part) == 0 {
		return size, nil
	}
	return size, check()
}
