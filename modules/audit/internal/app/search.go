package app

import (
	"context"
	"errors"
	"iter"
	"slices"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/paging"
)

const (
	maxRead     = 200 // segments that one page reads; the page is then shorter
	countedRead = 400 // segments that are read for a count
	chunkLimit  = 8   // segments in memory
	blocksLimit = 16  // rows of the index in memory
)

// search lists entries of the chain of segments.
type search struct {
	segments   ports.Segments
	open       *openTerms
	filter     domain.Filter
	descending bool

	after, upTo int64 // the segments to read: after a number and up to another
	indexed     int64 // the last segment of the last complete block
}

// newSearch returns a search in the whole chain. Errors: the store's.
func newSearch(
	ctx context.Context, segments ports.Segments, open *openTerms, filter domain.Filter, descending bool,
) (*search, error) {
	chain, err := segments.Chain(ctx)
	if err != nil {
		return nil, err
	}
	s := &search{
		segments: segments, open: open, filter: filter, descending: descending,
		after: chain.Span.From.Number, upTo: chain.Span.To.Number,
	}
	if s.indexed, err = lastBlock(ctx, segments, chain.Span); err != nil {
		return nil, err
	}
	if filter.CreatedAfter.IsZero() && filter.CreatedBefore.IsZero() {
		return s, nil
	}
	first, last, err := segments.Between(ctx, filter.CreatedAfter, filter.CreatedBefore)
	s.after, s.upTo = max(s.after, first-1), min(s.upTo, last)
	return s, err
}

// place is a place in the list: after an entry of a segment, or before the segment if sequence is 0. The zero place is
// the beginning.
type place struct{ segment, sequence int64 }

// begin makes the search begin with the segment of a place.
func (s *search) begin(p place) {
	switch {
	case p.segment == 0:
	case s.descending:
		s.upTo = min(s.upTo, p.segment)
	default:
		s.after = max(s.after, p.segment-1)
	}
}

// candidates yields the numbers of the segments that may have entries of the filter, in the order of the list.
func (s *search) candidates(ctx context.Context) iter.Seq2[int64, error] {
	term, hasTerm := s.filter.Term()
	skipped := func(number int64) bool { return hasTerm && s.open.lacks(number, term) }
	open := s.indexed
	if !hasTerm {
		open = s.after
	}
	open = max(open, s.after) // segments after it are not in the index
	return func(yield func(int64, error) bool) {
		if s.descending {
			for number := s.upTo; number > open; number-- {
				if !skipped(number) && !yield(number, nil) {
					return
				}
			}
		}
		if open > s.after {
			for number, err := range s.fromIndex(ctx, term, min(s.upTo, open)) {
				if !yield(number, err) || err != nil {
					return
				}
			}
		}
		if !s.descending {
			for number := open + 1; number <= s.upTo; number++ {
				if !skipped(number) && !yield(number, nil) {
					return
				}
			}
		}
	}
}

// fromIndex yields the numbers of segments with a term in complete blocks, up to a number.
func (s *search) fromIndex(ctx context.Context, term domain.Term, upTo int64) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		after, last := s.after, s.indexed
		if s.descending { // the block of upTo may end after it
			block, err := s.segments.Blocks(ctx, domain.BlockTerm, upTo-1, s.indexed, false, 1)
			if err != nil || len(block) == 0 {
				yield(0, errors.Join(err, errMalformedIndex))
				return
			}
			last = block[0].Block
		}
		for {
			rows, err := s.segments.Blocks(ctx, term, after, last, s.descending, blocksLimit)
			if err != nil {
				yield(0, err)
				return
			}
			for _, row := range rows {
				numbers, err := s.numbersOf(ctx, row)
				if err != nil {
					yield(0, err)
					return
				}
				if !s.descending {
					slices.Reverse(numbers)
				}
				for _, number := range numbers {
					if number > s.after && number <= upTo && !yield(number, nil) {
						return
					}
				}
				if s.descending {
					last = row.Block - 1
				} else if after = row.Block; after >= upTo {
					return
				}
			}
			if len(rows) < blocksLimit {
				return
			}
		}
	}
}

// numbersOf returns the segments that a row lists, or all segments of its block if the row is malformed: somebody
// inserted it before the block was complete. Errors: the store's; errMalformedIndex.
func (s *search) numbersOf(ctx context.Context, row domain.IndexRow) ([]int64, error) {
	if numbers, ok := row.Numbers(); ok {
		return numbers, nil
	}
	block, err := s.segments.Blocks(ctx, domain.BlockTerm, row.Block-1, row.Block, false, 1)
	if err == nil && len(block) > 0 {
		if numbers, ok := block[0].Numbers(); ok {
			return numbers, nil
		}
	}
	return nil, errors.Join(err, errMalformedIndex)
}

var errMalformedIndex = errors.New("audit: the index of the trail is malformed. Run healthcare audit verify")

// found is a part of a list.
type found struct {
	entries []domain.Entry
	last    place // after the last entry
	more    bool  // whether the chain was not read to its end
}

// list returns at most limit entries, with at most size bytes of JSON but at least one, after a place. It reads at most
// maxRead segments. Errors: the store's; a segment that is malformed.
func (s *search) list(ctx context.Context, from place, limit, size int) (result found, err error) {
	s.begin(from)
	read := 0
	for segment, err := range s.read(ctx) {
		if err != nil {
			return found{}, err
		}
		if read++; read > maxRead {
			result.last, result.more = place{segment: segment.Number}, true
			return result, nil
		}
		entries, err := s.matching(segment, from.sequence)
		if err != nil {
			return found{}, err
		}
		for _, e := range entries {
			size -= paging.Size(e.RequestID, e.Address, e.Role) + paging.IDSize*len(e.IDs)
			if len(result.entries) == limit || size < 0 && len(result.entries) > 0 {
				result.more = true
				return result, nil
			}
			result.entries = append(result.entries, e)
			result.last = place{segment.Number, e.Sequence}
		}
	}
	return result, nil
}

// count returns the number of entries, or false if that takes too long. It stops above paging.CountLimit.
func (s *search) count(ctx context.Context) (count int64, ok bool, err error) {
	read := 0
	for segment, err := range s.read(ctx) {
		if read++; err != nil || read > countedRead {
			return 0, false, err
		}
		entries, err := s.matching(segment, 0)
		if err != nil {
			return 0, false, err
		}
		if count += int64(len(entries)); count > paging.CountLimit {
			return paging.CountLimit + 1, true, nil
		}
	}
	return count, true, nil
}

// matching returns the entries of a segment that match the filter and come after a sequence, in the order of the list.
func (s *search) matching(segment domain.Segment, sequence int64) ([]domain.Entry, error) {
	err := s.open.add(segment, s.indexed)
	matching, unreadable := segment.Find(s.filter)
	if err := errors.Join(err, unreadable); err != nil {
		return nil, errors.Join(errors.New("audit: a segment cannot be read. Run healthcare audit verify"), err)
	}
	matching = slices.DeleteFunc(matching, func(e domain.Entry) bool {
		later := sequence == 0 || s.descending == (e.Sequence < sequence) && e.Sequence != sequence
		return !later
	})
	if s.descending {
		slices.Reverse(matching)
	}
	return matching, nil
}

// read yields the candidates. It reads one segment first, because that is often enough.
func (s *search) read(ctx context.Context) iter.Seq2[domain.Segment, error] {
	return func(yield func(domain.Segment, error) bool) {
		next, stop := iter.Pull2(s.candidates(ctx))
		defer stop()
		for size := 1; ; size = min(2*size, chunkLimit) {
			var numbers []int64
			for len(numbers) < size {
				number, err, more := next()
				if err != nil {
					yield(domain.Segment{}, err)
					return
				}
				if !more {
					break
				}
				numbers = append(numbers, number)
			}
			if len(numbers) == 0 {
				return
			}
			part, err := s.segments.Select(ctx, numbers)
			if err != nil {
				yield(domain.Segment{}, err)
				return
			}
			if s.descending {
				slices.Reverse(part)
			}
			for _, segment := range part {
				if !yield(segment, nil) {
					return
				}
			}
		}
	}
}
