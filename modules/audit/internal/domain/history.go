package domain

import (
	"cmp"
	"slices"
)

// History has the batches that a chain contains, to find those that are missing or repeated. NewHistory creates it.
// Consecutive batches of a writer take constant memory.
type History struct {
	writers map[WriterID]*writerHistory
	partial bool
}

type writerHistory struct {
	chained Numbers
	awaited map[uint64]int64 // acknowledged numbers that are not in the chain yet, and the acknowledging segment
	excused uint64           // lower numbers may be in the part of the chain that the History lacks
}

// concurrentBatches is more than the number of batches that a writer commits at the same time.
const concurrentBatches = 4096

// NewHistory returns the history of a chain. A partial one lacks the first segments, which were pruned or not read. It
// accepts that batches are missing up to 4,096 numbers after the first batch of a writer, unless that is number 1.
func NewHistory(partial bool) *History {
	return &History{map[WriterID]*writerHistory{}, partial}
}

// Contains reports whether a batch is in the chain.
func (h *History) Contains(b Batch) bool {
	writer := h.writers[b.Writer]
	return writer != nil && writer.chained.Contains(b.Number)
}

// Add adds the next batch of the chain, which is in a segment.
func (h *History) Add(b Batch, segment int64) {
	writer := h.writers[b.Writer]
	if writer == nil {
		writer = &writerHistory{awaited: map[uint64]int64{}}
		if h.partial && b.Number > 1 {
			writer.excused = b.Number + concurrentBatches
		}
		h.writers[b.Writer] = writer
	}
	writer.chained.Add(b.Number)
	delete(writer.awaited, b.Number)
	for number := range b.Acknowledged.All() {
		if number < writer.excused || writer.chained.Contains(number) {
			continue
		}
		if _, known := writer.awaited[number]; !known {
			writer.awaited[number] = segment
		}
	}
}

// Missing is a batch that was committed and is not in the chain.
type Missing struct {
	Writer  WriterID
	Number  uint64
	Segment int64 // has a batch that acknowledges it
}

// TakeMissing returns the batches that were acknowledged and are not in the chain, ordered by segment. It returns each
// once.
func (h *History) TakeMissing() (all []Missing) {
	for id, writer := range h.writers {
		for number, segment := range writer.awaited {
			all = append(all, Missing{id, number, segment})
		}
		clear(writer.awaited)
	}
	slices.SortFunc(all, func(a, b Missing) int {
		return cmp.Or(cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Number, b.Number))
	})
	return all
}
