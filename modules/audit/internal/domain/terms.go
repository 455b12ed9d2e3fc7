package domain

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Term is a value by which entries are found: a kind and 16 bytes.
type Term [17]byte

// The kinds of terms.
const (
	termPatient     = 'p'
	termActor       = 'a'
	termAction      = 'c'
	termActorAction = 'b'
	termBlock       = 'z' // of every segment; sorts last
)

// BlockTerm is the term of every segment. Its row is the last of its block, so it lists the blocks that are complete.
var BlockTerm = Term{termBlock}

func idTerm(kind byte, id uuid.UUID) (t Term) {
	t[0] = kind
	copy(t[1:], id[:])
	return t
}

// actionTerm returns the term of an action, of one actor unless actor is zero. It has half of a SHA-256.
func actionTerm(actor uuid.UUID, action string) (t Term) {
	t[0] = termAction
	text := action
	if actor != uuid.Nil {
		t[0], text = termActorAction, string(actor[:])+action
	}
	sum := sha256.Sum256([]byte(text))
	copy(t[1:], sum[:])
	return t
}

// Term returns the most selective term of a filter. ok is false for a filter that has none.
func (f Filter) Term() (t Term, ok bool) {
	switch {
	case f.Patient != nil:
		return idTerm(termPatient, *f.Patient), true
	case f.Actor != nil && f.Action != "":
		return actionTerm(*f.Actor, f.Action), true
	case f.Actor != nil:
		return idTerm(termActor, *f.Actor), true
	case f.Action != "":
		return actionTerm(uuid.Nil, f.Action), true
	}
	return Term{}, false
}

// Matches reports whether an entry has the values of the filter.
func (f Filter) Matches(e Entry) bool {
	return (f.Patient == nil || e.names(*f.Patient)) &&
		(f.Actor == nil || *f.Actor != uuid.Nil && *f.Actor == e.ActorID) &&
		(f.Action == "" || f.Action == e.Action) &&
		(f.CreatedAfter.IsZero() || e.Time.After(f.CreatedAfter)) &&
		(f.CreatedBefore.IsZero() || e.Time.Before(f.CreatedBefore))
}

// patientResource is the resource type whose ids are patients.
const patientResource = "Patient"

func (e Entry) names(patient uuid.UUID) bool {
	for named := range e.NamedPatients() {
		if named == patient {
			return true
		}
	}
	return false
}

// NamedPatients yields the patients in an entry, possibly repeated: its PatientID, and the patients of a list or
// search.
func (e Entry) NamedPatients() iter.Seq[uuid.UUID] {
	return func(yield func(uuid.UUID) bool) {
		if e.PatientID != uuid.Nil && !yield(e.PatientID) || e.ResourceType != patientResource {
			return
		}
		for _, id := range e.IDs {
			if id != uuid.Nil && !yield(id) {
				return
			}
		}
	}
}

// terms appends the terms of an entry, possibly repeated.
func (e Entry) terms(all []Term) []Term {
	for patient := range e.NamedPatients() {
		all = append(all, idTerm(termPatient, patient))
	}
	if e.ActorID != uuid.Nil {
		all = append(all, idTerm(termActor, e.ActorID), actionTerm(e.ActorID, e.Action))
	}
	return append(all, actionTerm(uuid.Nil, e.Action))
}

// A block ends with this number of entries, segments, or bytes of records, or before the first segment that was sealed
// a day after its first. Fewer rows of the index are then needed than with rows for each segment. The limit of bytes
// bounds the memory of a BlockIndex to about 20 MB, the limit of time makes a day the unit of pruning.
const (
	blockEntries  = 64_000
	blockSegments = 1024
	blockBytes    = 8 << 20
	blockTime     = 24 * time.Hour
)

// Block finds the end of a block in the headers after the end of the block before. The zero Block is empty.
type Block struct {
	segments, entries, bytes int

	begun time.Time
	last  int64
}

// Add adds the next segment. If the block ends with it or before it, end is the number of the block's last segment,
// otherwise 0.
func (b *Block) Add(h Header) (end int64) {
	if end := b.EndBefore(h.SealedAt); end > 0 {
		return end
	}
	if b.segments == 0 {
		b.begun = h.SealedAt
	}
	b.segments++
	b.entries += h.Entries
	b.bytes += h.RawSize
	b.last = h.Number
	if b.segments >= blockSegments || b.entries >= blockEntries || b.bytes >= blockBytes {
		return b.last
	}
	return 0
}

// EndBefore returns the number of the block's last segment if no segment that is sealed at an instant can be part of
// it, otherwise 0. A clock that goes back a day ends a block as well, or it would last until that time again.
func (b *Block) EndBefore(at time.Time) int64 {
	if b.segments > 0 && at.Sub(b.begun).Abs() >= blockTime {
		return b.last
	}
	return 0
}

// IndexRow lists the segments of a block in which a term occurs.
type IndexRow struct {
	Term     Term
	Block    int64  // the number of the block's last segment
	Segments []byte // their numbers, descending: each as the difference from the one before, the first from Block
}

// Numbers decodes the segments of the row, descending. ok is false if the row is malformed.
func (r IndexRow) Numbers() (all []int64, ok bool) {
	d, number := decoder{rest: r.Segments}, r.Block
	for len(d.rest) > 0 {
		difference := d.number()
		d.require(difference < blockSegments && (len(all) == 0 || difference > 0))
		if d.failed {
			return nil, false
		}
		number -= int64(difference) //nolint:gosec // less than blockSegments
		all = append(all, number)
	}
	return all, len(all) > 0
}

// BlockIndex collects the terms of one block. The zero BlockIndex is empty.
type BlockIndex struct {
	occurrences []occurrence
	terms       []Term // of the segment that is being added
}

type occurrence struct {
	term    Term
	segment int64
}

// Add adds a segment of the block.
func (b *BlockIndex) Add(segment int64, records []Record) {
	b.terms = appendTerms(append(b.terms[:0], BlockTerm), records)
	for _, term := range b.terms {
		b.occurrences = append(b.occurrences, occurrence{term, segment})
	}
}

// TermsOf returns the terms of a segment's records, each once, ordered.
func TermsOf(records []Record) []Term { return slices.Clip(appendTerms(nil, records)) }

// HasTerm reports whether a result of TermsOf has a term.
func HasTerm(terms []Term, term Term) bool {
	_, found := slices.BinarySearchFunc(terms, term, compareTerms)
	return found
}

// appendTerms appends the terms of records, and sorts all, each once.
func appendTerms(terms []Term, records []Record) []Term {
	for _, r := range records {
		if r.Batch == nil {
			continue
		}
		for i := range r.Batch.Entries {
			terms = r.Batch.Entries[i].terms(terms)
		}
	}
	slices.SortFunc(terms, compareTerms)
	return slices.Compact(terms)
}

func compareTerms(a, b Term) int { return bytes.Compare(a[:], b[:]) }

// Rows yields the rows of the block, whose last segment is block, ordered by term.
func (b *BlockIndex) Rows(block int64) iter.Seq[IndexRow] {
	slices.SortFunc(b.occurrences, func(x, y occurrence) int {
		return cmp.Or(compareTerms(x.term, y.term), cmp.Compare(y.segment, x.segment))
	})
	return func(yield func(IndexRow) bool) {
		for rest := b.occurrences; len(rest) > 0; {
			row, last := IndexRow{Term: rest[0].term, Block: block}, block
			for len(rest) > 0 && rest[0].term == row.Term {
				difference := uint64(last - rest[0].segment) //nolint:gosec // descending
				row.Segments = binary.AppendUvarint(row.Segments, difference)
				last, rest = rest[0].segment, rest[1:]
			}
			if !yield(row) {
				return
			}
		}
	}
}
