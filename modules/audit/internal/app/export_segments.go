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

// verifyExportedSegments verifies the chain of segments of an export. It reports false for an export of an earlier
// release, which lacks the chain.
func (m *Maintenance) verifyExportedSegments(
	lines *exportLines, checkpoints string, progress Progress, report *Report,
) (marks []domain.Mark, found bool, err error) {
	var head segmentsLine
	if !lines.next() || !lines.isSegments(&head) {
		return nil, false, nil
	}
	lines.buffered = false
	from, wrong := domain.ParseMAC(head.Before)
	to, end := domain.ParseMAC(head.End)
	if err := errors.Join(wrong, end); err != nil {
		return nil, true, fmt.Errorf("export, line %d: not the beginning of a chain", lines.line)
	}
	span := domain.SegmentSpan{
		From: domain.Position{Number: head.After, Sequence: head.AfterSequence, MAC: from},
		To:   domain.Position{Number: head.Last, Sequence: head.LastSequence, MAC: to},
	}
	marks, err = m.walkSegments(checkpoints, report, func() (domain.SegmentSpan, []domain.Batch, error) {
		return span, nil, nil
	}, func(next func(domain.Segment) ([]domain.Record, error)) error {
		return lines.segments(span, next, progress)
	})
	return marks, true, err
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
