package domain

import (
	"fmt"
	"iter"
	"time"
)

// SegmentSpan is the stored part of the chain of segments: the segments after From, up to and including To.
type SegmentSpan struct{ From, To Position }

// Note is an observation of a sound trail: a clock that jumped.
type Note struct {
	Segment int64
	Text    string
}

// maxNotes is the maximum number of notes that are kept.
const maxNotes = 100

// SegmentVerifier verifies the chain of segments, segment by segment. Its memory does not grow with consecutive
// batches. NewSegmentVerifier creates it.
type SegmentVerifier struct {
	keys     Keys
	span     SegmentSpan
	last     Position
	previous Header
	attested bool // whether the trail records the pruning before the span
	history  *History
	unsealed []Batch
	matcher  *checkpointMatcher

	marks []Mark
	notes []Note
	jumps int
	aside struct { // the batches that were set aside
		count  int
		first  int64 // segment
		reason string
	}
}

// NewSegmentVerifier returns a SegmentVerifier that expects the first segment of the span. The checkpoints are those of
// SegmentChain, in the order of their creation; nil means none. The caller calls Close.
func NewSegmentVerifier(keys Keys, span SegmentSpan, checkpoints iter.Seq[Checkpoint]) *SegmentVerifier {
	pruned := span.From != Origin()
	return &SegmentVerifier{
		keys: keys, span: span, last: span.From, attested: !pruned, history: NewHistory(pruned),
		matcher: newCheckpointMatcher(SegmentChain, span.From.Link(), checkpoints),
	}
}

// Link returns the position as the link of a checkpoint or a mark.
func (p Position) Link() Link { return Link{p.Number, p.MAC} }

// Checkpoint returns the checkpoint of the position.
func (p Position) Checkpoint(at time.Time) Checkpoint { return Checkpoint{SegmentChain, p.Link(), at} }

// Close releases the iterator of the checkpoints.
func (v *SegmentVerifier) Close() { v.matcher.close() }

// Compared returns the checkpoints that the chain was compared with.
func (v *SegmentVerifier) Compared() Compared { return v.matcher.compared }

// Verified returns the position after the last segment that is sound.
func (v *SegmentVerifier) Verified() Position { return v.last }

// AddUnsealed adds a batch that was in the inbox before the span was read.
func (v *SegmentVerifier) AddUnsealed(b Batch) { v.unsealed = append(v.unsealed, b) }

// Marks returns the recorded ends and anchors of chains.
func (v *SegmentVerifier) Marks() []Mark { return v.marks }

// Notes returns the first 100 observations, and the number of all.
func (v *SegmentVerifier) Notes() (notes []Note, all int) { return v.notes, v.jumps }

// Next verifies the next segment and returns its records. Errors: *Flaw, after which the SegmentVerifier must not be
// used.
func (v *SegmentVerifier) Next(s Segment) ([]Record, error) {
	expected := v.last.Number + 1
	switch {
	case s.Number > expected:
		return nil, v.flaw(expected, "is missing")
	case s.Number < expected:
		return nil, v.flaw(s.Number, "is repeated, or out of order")
	}
	records, err := v.keys.Authenticate(s, v.last)
	if err != nil {
		return nil, v.flaw(expected, "with entries %d to %d, of %s to %s, %v", s.First, s.First+int64(s.Entries)-1,
			s.FirstAt.Format(time.RFC3339), s.LastAt.Format(time.RFC3339), err)
	}
	for _, r := range records {
		if err := v.record(s, r); err != nil {
			return nil, err
		}
	}
	if ClockJumped(v.previous, s.Header) {
		v.note(s)
	}
	v.last, v.previous = s.End(), s.Header
	return records, v.matcher.advance(v.last.Link())
}

func (v *SegmentVerifier) record(s Segment, r Record) error {
	switch {
	case r.Mark != nil:
		v.marks = append(v.marks, *r.Mark)
		v.attested = v.attested || *r.Mark == Mark{Pruned, SegmentChain, v.span.From.Link()}
	case r.Aside != nil:
		if v.aside.count++; v.aside.count == 1 {
			v.aside.first, v.aside.reason = s.Number, r.Aside.Reason
		}
	default:
		if v.history.Contains(*r.Batch) {
			return v.flaw(s.Number, "has a batch that the chain already has")
		}
		v.history.Add(*r.Batch, s.Number)
	}
	return nil
}

func (v *SegmentVerifier) note(s Segment) {
	if v.jumps++; len(v.notes) >= maxNotes {
		return
	}
	text := fmt.Sprintf("segment %d, sealed at %s, has entries of %s to %s: "+
		"a clock jumped, or a transaction took minutes", s.Number, s.SealedAt.Format(time.RFC3339),
		s.FirstAt.Format(time.RFC3339), s.LastAt.Format(time.RFC3339))
	if s.SealedAt.Before(v.previous.SealedAt) { // the wrong time may be that of the other
		before := v.previous
		text += fmt.Sprintf(". Segment %d was sealed at %s", before.Number, before.SealedAt.Format(time.RFC3339))
	}
	v.notes = append(v.notes, Note{s.Number, text})
}

// End verifies the end of the chain. Errors: *Flaw.
func (v *SegmentVerifier) End() error {
	if err := v.matcher.compare(); err != nil { // for a span without segments
		return err
	}
	if v.last != v.span.To {
		return v.flaw(v.last.Number+1, "is missing: the chain ends before it, but its head is segment %d",
			v.span.To.Number)
	}
	if !v.attested {
		return v.flaw(v.span.From.Number,
			"and all before it are missing, and the trail has no record that they were pruned")
	}
	if err := v.matcher.end(); err != nil {
		return err
	}
	for _, b := range v.unsealed { // it may be sealed meanwhile
		v.history.Add(b, v.span.To.Number+1)
	}
	missing := v.history.TakeMissing()
	if len(missing) > 0 {
		return v.flaw(missing[0].Segment, "acknowledges batch %d of writer %s, which is missing: it was removed "+
			"before it was sealed (%d such batches)", missing[0].Number, missing[0].Writer, len(missing))
	}
	if v.aside.count > 0 {
		return v.flaw(v.aside.first, "has a batch that was set aside (%d such batches): %s",
			v.aside.count, v.aside.reason)
	}
	return nil
}

func (v *SegmentVerifier) flaw(number int64, reason string, args ...any) error {
	return newFlaw(SegmentChain, number, reason, args...)
}
