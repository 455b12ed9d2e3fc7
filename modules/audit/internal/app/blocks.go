package app

import (
	"context"
	"errors"
	"time"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
)

// Index writes the rows of complete blocks. Errors: the store's.
func (s *Sealing) Index(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index(ctx)
}

func (s *Sealing) index(ctx context.Context) error {
	chain, err := s.segments.Chain(ctx)
	if err != nil {
		return err
	}
	indexed, err := lastBlock(ctx, s.segments, chain.Span)
	if err != nil {
		return err
	}
	for {
		end, err := blockEnd(ctx, s.segments, indexed, chain.Span.To.Number, s.clock.Now())
		if err != nil || end == 0 {
			return err
		}
		if err := s.indexBlock(ctx, indexed, end); err != nil {
			return err
		}
		indexed = end
	}
}

// lastBlock returns the number of the last segment of the last complete block, or of the anchor.
func lastBlock(ctx context.Context, segments ports.Segments, span domain.SegmentSpan) (int64, error) {
	rows, err := segments.Blocks(ctx, domain.BlockTerm, 0, span.To.Number, true, 1)
	if err != nil || len(rows) == 0 {
		return span.From.Number, err
	}
	return max(rows[0].Block, span.From.Number), nil
}

// blockEnd returns the number of the last segment of the block that begins after a segment, or 0 if the block is not
// complete.
func blockEnd(ctx context.Context, segments ports.Segments, after, upTo int64, now time.Time) (int64, error) {
	var block domain.Block
	for after < upTo {
		const limit = 1024
		headers, err := segments.Headers(ctx, after, upTo, limit)
		if err != nil || len(headers) == 0 {
			return 0, err
		}
		for _, h := range headers {
			if end := block.Add(h); end > 0 {
				return end, nil
			}
		}
		after = headers[len(headers)-1].Number
	}
	return block.EndBefore(now), nil
}

func (s *Sealing) indexBlock(ctx context.Context, after, end int64) error {
	block, err := readBlock(ctx, s.segments, after, end)
	if err != nil {
		return err
	}
	rows := make([]domain.IndexRow, 0, indexRows)
	for row := range block.Rows(end) {
		if rows = append(rows, row); len(rows) == indexRows {
			if err := s.segments.InsertIndex(ctx, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return s.segments.InsertIndex(ctx, rows)
}

var errSegmentMissing = errors.New("audit: a segment is missing. Run healthcare audit verify")

// readBlock collects the terms of the segments after a number and up to another.
func readBlock(ctx context.Context, segments ports.Segments, after, end int64) (*domain.BlockIndex, error) {
	block := new(domain.BlockIndex)
	for after < end {
		part, err := segments.Range(ctx, after, end, rangeLimit)
		if err != nil {
			return nil, err
		}
		if len(part) == 0 {
			return nil, errSegmentMissing
		}
		for _, segment := range part {
			records, err := segment.Records()
			if err != nil {
				return nil, err
			}
			block.Add(segment.Number, records)
		}
		after = part[len(part)-1].Number
	}
	return block, nil
}
