package domain

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// InboxRow is a stored batch that is not sealed.
type InboxRow struct {
	ID    int64
	Size  int    // of the stored bytes
	Bytes []byte // nil if Size exceeds MaxSealedBytes
}

// Seal is a segment to store, and the rows of the inbox that it replaces.
type Seal struct {
	Segment
	Rows  []int64
	Last  int64   // the greatest id of a row with an authentic batch; clients of the database choose other ids
	Aside []error // the reasons of batches that were set aside
}

// Alarm is the error of something in the trail that an operator must examine, although the trail continues.
type Alarm struct{ Reason string }

func (a *Alarm) Error() string { return "audit trail: " + a.Reason }

// ErrWaiting is the error of an inbox that begins with a batch of an unknown key. Another instance may know it.
var ErrWaiting = errors.New("audit: the next batch waits for an instance that knows its key")

// Sealer turns batches of the inbox into segments. It has the history of the chain, so there is one for each process.
type Sealer struct {
	keys    Keys
	history *History
	records encoded
	seal    Seal
	batches []Batch
}

// NewSealer returns a Sealer for the chain after the segments of a history.
func NewSealer(keys Keys, history *History) *Sealer { return &Sealer{keys: keys, history: history} }

// Next returns the segment of the first rows that fit into one, after a position. Rows are in the order of their ids,
// at least one. Each batch is a record: none is omitted. A batch that is not authentic, or that the chain already has,
// is set aside with its bytes. A row that is larger than any batch is set aside without them: a client of the database
// with INSERT decides how large it is. giveUp also sets batches of an unknown key aside. Chained is called when the
// segment is stored.
//
// Errors: ErrWaiting for a first batch of an unknown key.
func (s *Sealer) Next(after Position, rows []InboxRow, now time.Time, giveUp bool) (Seal, error) {
	s.begin(after, now)
	added := NewHistory(true) // batches of this segment
	for _, row := range rows {
		batch, body, err := s.keys.Open(row.Bytes)
		unknown := new(UnknownKeyError)
		if errors.As(err, &unknown) && !giveUp {
			break
		}
		if err == nil && (s.history.Contains(batch) || added.Contains(batch)) {
			err = errReplayed
		}
		if row.Size > MaxSealedBytes {
			err = fmt.Errorf("audit: the row has %d bytes, more than any batch: they were not kept", row.Size)
		}
		var record encoded
		if err != nil {
			record.aside(Aside{err.Error(), row.Bytes})
		} else {
			record.record(len(batch.Entries), body)
		}
		if len(s.seal.Rows) > 0 && (len(s.records)+len(record) > MaxSegmentBytes ||
			err == nil && s.seal.Entries+len(batch.Entries) > MaxSegmentEntries) {
			break
		}
		s.records = append(s.records, record...)
		s.seal.Rows = append(s.seal.Rows, row.ID)
		if err != nil {
			s.seal.Aside = append(s.seal.Aside, err)
			continue
		}
		s.seal.Last = max(s.seal.Last, row.ID)
		added.Add(batch, s.seal.Number)
		s.add(batch)
	}
	if len(s.seal.Rows) == 0 {
		return Seal{}, ErrWaiting
	}
	return s.end(after), nil
}

var errReplayed = errors.New("audit: the batch was recorded twice: a row of the inbox was copied")

func (s *Sealer) begin(after Position, now time.Time) {
	s.records, s.batches = s.records[:0], nil
	s.seal = Seal{Segment: Segment{Header: Header{
		Number: after.Number + 1, First: after.Sequence + 1, FirstAt: now, LastAt: now, SealedAt: now,
	}}}
}

func (s *Sealer) add(b Batch) {
	if len(s.batches) == 0 || b.Time.Before(s.seal.FirstAt) {
		s.seal.FirstAt = b.Time
	}
	if len(s.batches) == 0 || b.Time.After(s.seal.LastAt) {
		s.seal.LastAt = b.Time
	}
	s.seal.Entries += len(b.Entries)
	s.batches = append(s.batches, b)
}

func (s *Sealer) end(after Position) Seal {
	s.seal.Segment = s.seal.seal(s.keys, after, bytes.Clone(s.records))
	return s.seal
}

// Chained adds the last result of Next, which was stored, to the history.
func (s *Sealer) Chained() {
	for _, b := range s.batches {
		s.history.Add(b, s.seal.Number)
	}
	s.batches = nil
}

// SealMarks returns a segment of marks, after a position.
func (s *Sealer) SealMarks(after Position, marks []Mark, now time.Time) Seal {
	s.begin(after, now)
	for _, m := range marks {
		s.records.mark(m)
	}
	return s.end(after)
}

// ClockJumped reports whether a clock jumped in a segment: a writer's was more than 5 seconds ahead of the sealer's, or
// fell more than 90 seconds behind the segment before, or the sealer's went back.
func ClockJumped(before, h Header) bool {
	const ahead, behind = 5 * time.Second, 90 * time.Second
	if h.LastAt.After(h.SealedAt.Add(ahead)) {
		return true
	}
	if before.Number == 0 {
		return false
	}
	reference := before.LastAt
	if before.SealedAt.Before(reference) {
		reference = before.SealedAt
	}
	return h.FirstAt.Before(reference.Add(-behind)) || h.SealedAt.Before(before.SealedAt.Add(-ahead))
}
