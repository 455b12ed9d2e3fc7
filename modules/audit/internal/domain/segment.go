package domain

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"time"
)

// SegmentChain is the number of the chain of segments in checkpoints. The chains of entries have 1 to 8.
const SegmentChain = 9

// Position is a place in the chain of segments: after a segment, whose MAC covers all segments before it.
type Position struct {
	Number   int64 // of the segment; 0 before the first one
	Sequence int64 // of the last entry up to it
	MAC      MAC
}

// Origin returns the position before the first segment. Its MAC is zero.
func Origin() Position { return Position{} }

// Header describes a segment. Its MAC covers it.
type Header struct {
	Number   int64     // from 1, without gaps
	First    int64     // the sequence of the first entry
	Entries  int       // at most MaxSegmentEntries
	FirstAt  time.Time // the least reading of a writer's clock; SealedAt if the segment has no entry
	LastAt   time.Time // the greatest
	SealedAt time.Time // the reading of the sealer's clock
	KeyID    string
	RawSize  int // the size of the records, before compression
}

const (
	// MaxSegmentEntries is the maximum number of entries of a segment, so the precision to which verification
	// locates a flaw.
	MaxSegmentEntries = 1000
	// MaxSegmentBytes is the maximum size of the records of a segment with several records.
	MaxSegmentBytes = 1 << 20
)

const (
	segmentVersion = 2
	segmentMAC     = "healthcare audit segment v2" // begins the bytes under the MAC
)

// Segment is a sealed part of the chain.
type Segment struct {
	Header
	MAC MAC
	Raw []byte // the records; nil if the stored bytes cannot be unpacked
}

// End returns the position after the segment.
func (s Segment) End() Position {
	return Position{s.Number, s.First + int64(s.Entries) - 1, s.MAC}
}

// Aside is a batch in a segment that could not be sealed as such.
type Aside struct {
	Reason string
	Batch  []byte // the bytes of its row
}

// Mark records a place in a chain when the chain is closed or pruned.
type Mark struct {
	Kind  MarkKind
	Chain int // SegmentChain, or a chain of entries
	Link      // the last entry or segment, or the one before the first that remains
}

// MarkKind is the meaning of a Mark.
type MarkKind byte

// The kinds of marks: the first bytes of their records.
const (
	Closed MarkKind = 'C' // the end of a chain of entries
	Pruned MarkKind = 'P' // the anchor of a chain
)

// Record is an item of a segment: exactly one member is set.
type Record struct {
	Batch *Batch
	Aside *Aside
	Mark  *Mark
}

// recordAside is the first byte of a record with an Aside. That of a batch is its version, that of a Mark its kind.
const recordAside = 'A'

// record appends a record: the number of its entries, the length of its body, and the body. So a reader can skip it.
func (e *encoded) record(entries int, body []byte) {
	e.number(uint64(entries)) //nolint:gosec // not negative
	e.number(uint64(len(body)))
	*e = append(*e, body...)
}

func (e *encoded) aside(a Aside) {
	body := encoded{recordAside}
	body.text(a.Reason)
	body.text(string(a.Batch))
	e.record(0, body)
}

func (e *encoded) mark(m Mark) {
	body := encoded{byte(m.Kind)}
	body.signed(int64(m.Chain))
	body.signed(m.Sequence)
	e.record(0, append(body, m.MAC[:]...))
}

// recordBody returns the body of the next record and the number of its entries.
func (d *decoder) recordBody() (entries int, body []byte) {
	entries = int(d.number()) //nolint:gosec // compared with that of the body, or of the segment
	return entries, d.bytes(d.number())
}

func (d *decoder) record() (r Record) {
	entries, body := d.recordBody()
	if len(body) == 0 {
		d.failed = true
		return r
	}
	inner := decoder{rest: body, texts: d.texts}
	switch kind := body[0]; kind {
	case recordAside:
		inner.bytes(1)
		r.Aside = &Aside{inner.text(), []byte(inner.text())}
	case byte(Closed), byte(Pruned):
		inner.bytes(1)
		r.Mark = &Mark{Kind: MarkKind(kind), Chain: int(inner.signed()), Link: Link{Sequence: inner.signed()}}
		copy(r.Mark.MAC[:], inner.bytes(uint64(len(r.Mark.MAC))))
	default:
		batch := inner.batch()
		r.Batch = &batch
	}
	found := 0
	if r.Batch != nil {
		found = len(r.Batch.Entries)
	}
	d.require(!inner.failed && len(inner.rest) == 0 && found == entries)
	return r
}

// seal sets the key and size of the header, and returns the segment of raw, the records after a position.
func (h Header) seal(keys Keys, before Position, raw []byte) Segment {
	h.KeyID, h.RawSize = keys.newest.ID, len(raw)
	return Segment{h, h.mac(keys.newest, before.MAC, raw), raw}
}

// mac returns HMAC(before, header, raw). It covers the records before compression, so a proof does not depend on the
// codec.
func (h Header) mac(key Secret, before MAC, raw []byte) (mac MAC) {
	e := make(encoded, 0, 128)
	e = append(e, segmentMAC...)
	e = append(e, segmentVersion)
	e = append(e, before[:]...)
	e.signed(h.Number)
	e.signed(h.First)
	e.signed(int64(h.Entries))
	e.signed(h.FirstAt.UnixMicro())
	e.signed(h.LastAt.UnixMicro())
	e.signed(h.SealedAt.UnixMicro())
	e.text(h.KeyID)
	e.signed(int64(h.RawSize))
	hash := hmac.New(sha256.New, key.Bytes)
	hash.Write(e)
	hash.Write(raw)
	hash.Sum(mac[:0])
	return mac
}

// Records returns the records of a segment, in order. The entries of batches have their time and sequence.
// Errors: a plain error for bytes that are not those of a segment. Only Keys.Authenticate proves them.
func (s Segment) Records() ([]Record, error) {
	if len(s.Raw) != s.RawSize || s.RawSize == 0 {
		return nil, errUnreadable
	}
	return s.records(s.Raw)
}

// Find returns the entries of a segment that match a filter, in order. It decodes only batches that may have one.
// Errors: those of Records.
func (s Segment) Find(f Filter) (all []Entry, err error) {
	if len(s.Raw) != s.RawSize || s.RawSize == 0 {
		return nil, errUnreadable
	}
	needle := f.needle()
	d, sequence := decoder{rest: s.Raw, texts: map[string]string{}}, s.First
	for len(d.rest) > 0 && !d.failed {
		before := d.rest
		entries, body := d.recordBody()
		if entries > 0 && bytes.Contains(body, needle) {
			d.rest = before
			for i, e := range d.record().entries() {
				if e.Sequence = sequence + int64(i); f.Matches(e) {
					all = append(all, e)
				}
			}
		}
		sequence += int64(entries)
	}
	if d.failed {
		return nil, errUnreadable
	}
	return all, nil
}

// entries returns the entries of a record, none without a batch.
func (r Record) entries() []Entry {
	if r.Batch == nil {
		return nil
	}
	return r.Batch.Entries
}

// needle returns bytes that a batch with an entry of the filter contains.
func (f Filter) needle() []byte {
	switch {
	case f.Patient != nil:
		return f.Patient[:]
	case f.Actor != nil:
		return f.Actor[:]
	}
	return []byte(f.Action)
}

func (s Segment) records(raw []byte) (all []Record, err error) {
	d, sequence := decoder{rest: raw, texts: map[string]string{}}, s.First
	for len(d.rest) > 0 && !d.failed {
		r := d.record()
		if r.Batch != nil {
			for i := range r.Batch.Entries {
				r.Batch.Entries[i].Sequence = sequence
				sequence++
			}
		}
		all = append(all, r)
	}
	if d.failed || sequence != s.First+int64(s.Entries) {
		return nil, errMalformed
	}
	return all, nil
}

// Authenticate verifies that a segment follows a position, and returns its records. Errors: a plain error with the
// reason, without the number of the segment.
func (k Keys) Authenticate(s Segment, after Position) ([]Record, error) {
	key, known := k.entries[s.KeyID]
	if !known {
		return nil, &UnknownKeyError{s.KeyID}
	}
	if len(s.Raw) == 0 {
		return nil, errUnreadable
	}
	if mac := s.mac(key, after.MAC, s.Raw); !hmac.Equal(mac[:], s.MAC[:]) || len(s.Raw) != s.RawSize ||
		s.Number != after.Number+1 || s.First != after.Sequence+1 {
		return nil, errChanged
	}
	records, err := s.records(s.Raw)
	if err != nil {
		return nil, errUnreadable
	}
	return records, nil
}

var (
	errUnreadable = errors.New("cannot be unpacked: its bytes were changed, or the disk returns other bytes")
	errChanged    = errors.New("was changed, or does not follow the previous segment")
)
