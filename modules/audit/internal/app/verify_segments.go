package app

import (
	"bytes"
	"context"
	"encoding/json" //nolint:depguard // a line is compared with the one that is written for the proved entry
	"errors"
	"fmt"
	"time"

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
	return v.Marks(), errors.Join(err, lines.failed)
}

// verifyInbox verifies the MACs of all batches in the inbox, and returns these without entries' contents kept longer
// than needed. Errors: *domain.Flaw; the store's.
func (m *Maintenance) verifyInbox(ctx context.Context) (all []domain.Batch, err error) {
	for after := int64(0); ; {
		rows, err := m.segments.Inbox(ctx, after)
		if err != nil || len(rows) == 0 {
			return all, err
		}
		for _, row := range rows {
			batch, _, err := m.keys.Open(row.Bytes)
			if err != nil {
				chain, failed := m.segments.Chain(ctx)
				return nil, errors.Join(failed, &domain.Flaw{
					Chain: domain.SegmentChain, Sequence: chain.Span.To.Number + 1,
					Reason: fmt.Sprintf("will have batch %d of the inbox, which is not authentic: %v", row.ID, err),
				})
			}
			batch.Entries = make([]domain.Entry, len(batch.Entries)) // only their number is needed
			all = append(all, batch)
			after = row.ID
		}
	}
}

// eachSegment passes the segments of a span to next, and compares the index of each complete block with their records.
func (m *Maintenance) eachSegment(
	ctx context.Context, span domain.SegmentSpan, progress Progress,
	next func(domain.Segment) ([]domain.Record, error),
) error {
	indexed, err := lastBlock(ctx, m.segments, span)
	if err != nil {
		return err
	}
	index, end := new(domain.BlockIndex), int64(0)
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
		err := m.checkBlock(ctx, index, end)
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
	return nil
}

// checkBlock compares the index of a block with the rows that its segments require. Errors: *domain.Flaw; the store's.
func (m *Maintenance) checkBlock(ctx context.Context, index *domain.BlockIndex, end int64) error {
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
		if part = append(part, row); len(part) == termsLimit {
			if err := check(); err != nil {
				return err
			}
		}
	}
	if len(part) == 0 {
		return nil
	}
	return check()
}

// segmentLine is the line of an export before the entries of a segment, which must be those in Records.
type segmentLine struct {
	Number   int64     `json:"segment"`
	First    int64     `json:"first"`
	Entries  int       `json:"entries"`
	FirstAt  time.Time `json:"first_at"`
	LastAt   time.Time `json:"last_at"`
	SealedAt time.Time `json:"sealed_at"`
	KeyID    string    `json:"key_id"`
	RawSize  int       `json:"raw_size"`
	Records  []byte    `json:"records"`
	MAC      string    `json:"mac"`
}

// exportSegments writes the bounds of the chain, and each segment with its entries.
func (m *Maintenance) exportSegments(
	ctx context.Context, lines *json.Encoder, progress Progress,
) (written int64, err error) {
	chain, err := m.segments.Chain(ctx)
	if err != nil {
		return 0, err
	}
	from, to := chain.Span.From, chain.Span.To
	err = lines.Encode(segmentsLine{
		spanLine{domain.SegmentChain, from.Number, from.MAC.String(), to.Number, to.MAC.String()},
		from.Sequence, to.Sequence,
	})
	for after := from.Number; err == nil && after < to.Number; {
		var part []domain.Segment
		if part, err = m.segments.Range(ctx, after, to.Number, rangeLimit); err != nil || len(part) == 0 {
			break
		}
		for _, segment := range part {
			if err := exportSegment(lines, segment); err != nil {
				return written, err
			}
			written += int64(segment.Entries)
			after = segment.Number
		}
		progress(written, to.Sequence-from.Sequence)
	}
	return written, err
}

// segmentsLine is the first line of an export: the bounds of the chain of segments.
type segmentsLine struct {
	spanLine
	AfterSequence int64 `json:"after_sequence"`
	LastSequence  int64 `json:"last_sequence"`
}

func exportSegment(lines *json.Encoder, s domain.Segment) error {
	records, err := s.Records()
	if err != nil {
		return err
	}
	err = lines.Encode(segmentLine{
		s.Number, s.First, s.Entries, s.FirstAt, s.LastAt, s.SealedAt, s.KeyID, s.RawSize, s.Raw, s.MAC.String(),
	})
	for _, e := range entriesOf(records) {
		err = errors.Join(err, lines.Encode(lineOf(e)))
	}
	return err
}

// entriesOf returns the entries of records, as entries of the chain of segments.
func entriesOf(records []domain.Record) (all []domain.Entry) {
	for _, r := range records {
		if r.Batch == nil {
			continue
		}
		for _, e := range r.Batch.Entries {
			e.Chain = domain.SegmentChain
			all = append(all, e)
		}
	}
	return all
}

// verifyExportedSegments verifies the chain of segments of an export, which exports of earlier releases lack.
func (m *Maintenance) verifyExportedSegments(
	lines *exportLines, checkpoints string, progress Progress, report *Report,
) ([]domain.Mark, error) {
	var head segmentsLine
	if !lines.next() || !lines.isSegments(&head) {
		return nil, nil //nolint:nilnil // an export of an earlier release, or no export
	}
	lines.buffered = false
	from, wrong := domain.ParseMAC(head.Before)
	to, end := domain.ParseMAC(head.End)
	if err := errors.Join(wrong, end); err != nil {
		return nil, fmt.Errorf("export, line %d: not the beginning of a chain", lines.line)
	}
	span := domain.SegmentSpan{
		From: domain.Position{Number: head.After, Sequence: head.AfterSequence, MAC: from},
		To:   domain.Position{Number: head.Last, Sequence: head.LastSequence, MAC: to},
	}
	return m.walkSegments(checkpoints, report, func() (domain.SegmentSpan, []domain.Batch, error) {
		return span, nil, nil
	}, func(next func(domain.Segment) ([]domain.Record, error)) error {
		return lines.segments(span, next, progress)
	})
}

// isSegments reads the current line, and reports whether it begins the chain of segments.
func (l *exportLines) isSegments(head *segmentsLine) bool {
	return l.read(head) == nil && head.Chain == domain.SegmentChain
}

// segments passes the segments of an export to next, and compares the lines of their entries.
func (l *exportLines) segments(
	span domain.SegmentSpan, next func(domain.Segment) ([]domain.Record, error), progress Progress,
) error {
	for l.next() && bytes.HasPrefix(l.from.Bytes(), []byte(`{"segment"`)) {
		var line segmentLine
		if err := l.read(&line); err != nil {
			return fmt.Errorf("export, line %d: not a segment", l.line)
		}
		l.buffered = false
		segment := domain.Segment{Header: domain.Header{
			Number: line.Number, First: line.First, Entries: line.Entries, FirstAt: line.FirstAt, LastAt: line.LastAt,
			SealedAt: line.SealedAt, KeyID: line.KeyID, RawSize: line.RawSize,
		}, Raw: line.Records}
		segment.MAC, _ = domain.ParseMAC(line.MAC) // an invalid MAC is the zero MAC, which verification detects
		records, err := next(segment)
		if err != nil {
			return err
		}
		for _, e := range entriesOf(records) {
			proved, _ := json.Marshal(lineOf(e)) // cannot fail: texts, numbers and times
			if !l.next() || !bytes.Equal(l.from.Bytes(), proved) {
				return fmt.Errorf("export, line %d: differs from entry %d of segment %d",
					l.line, e.Sequence, line.Number)
			}
			l.buffered = false
		}
		progress(segment.End().Sequence-span.From.Sequence, span.To.Sequence-span.From.Sequence)
	}
	return l.from.Err()
}
