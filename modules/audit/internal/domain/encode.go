package domain

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/google/uuid"
)

// errMalformed is the error of bytes that no encoder returns.
var errMalformed = errors.New("audit: malformed bytes of the trail")

// encoded is a sequence of values in bytes. Numbers are unsigned LEB128 in their shortest form, texts follow their
// length, and ids have 16 bytes. Different values have different bytes, and a decoder accepts only the bytes of an
// encoder.
type encoded []byte

func (e *encoded) number(n uint64) { *e = binary.AppendUvarint(*e, n) }

// signed appends a number that may be negative (zigzag).
func (e *encoded) signed(n int64) { *e = binary.AppendVarint(*e, n) }

func (e *encoded) text(s string) {
	e.number(uint64(len(s)))
	*e = append(*e, s...)
}

func (e *encoded) id(id uuid.UUID) { *e = append(*e, id[:]...) }

// decoder reads encoded bytes. After the first malformed value, failed is true and every value is zero.
type decoder struct {
	rest   []byte
	failed bool
	texts  map[string]string // decoded texts, because most repeat
}

// bytes returns the next n bytes, without copying them.
func (d *decoder) bytes(n uint64) []byte {
	if d.failed || n > uint64(len(d.rest)) {
		d.failed, d.rest = true, nil
		return nil
	}
	read := d.rest[:n]
	d.rest = d.rest[n:]
	return read
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || size != max(1, (bits.Len64(n)+6)/7) { // a longer form of the same number
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) signed() int64 {
	n := d.number()
	return int64(n>>1) ^ -int64(n&1) // zigzag, as in binary.Varint
}

func (d *decoder) text() string {
	read := d.bytes(d.number())
	if text, known := d.texts[string(read)]; known { // without an allocation
		return text
	}
	text := string(read)
	if d.texts == nil {
		d.texts = map[string]string{}
	}
	if len(d.texts) < maxTexts {
		d.texts[text] = text
	}
	return text
}

// maxTexts is the maximum number of texts that a decoder remembers.
const maxTexts = 256

func (d *decoder) id() (id uuid.UUID) {
	copy(id[:], d.bytes(uint64(len(id))))
	return id
}

// count returns the length of a list whose items have at least size bytes.
func (d *decoder) count(size int) int {
	n := d.number()
	if n > uint64(len(d.rest)/size) { //nolint:gosec // not negative
		d.failed, d.rest = true, nil
		return 0
	}
	return int(n) //nolint:gosec // at most the number of bytes
}

// The optional members of an entry: the bits of its mask, in the order of their values.
const (
	hasRequestUUID = 1 << iota // a request id in the form of a UUID
	hasRequestText             // another request id
	hasClientRequestID
	hasActor
	hasRole
	hasSession
	hasAddress
	hasResource
	hasPatient
	hasStatus
	hasIDs
	hasCount
	hasFields
	hasBasis
	hasGrant
	hasFor
	hasPurpose
	endOfMask
)

// entry appends an entry without its time, which is that of its batch.
func (e *encoded) entry(entry Entry) {
	request, isUUID := canonicalUUID(entry.RequestID)
	var mask uint64
	for _, member := range []struct {
		bit uint64
		has bool
	}{
		{hasRequestUUID, isUUID},
		{hasRequestText, !isUUID && entry.RequestID != ""},
		{hasClientRequestID, entry.ClientRequestID != ""},
		{hasActor, entry.ActorID != uuid.Nil},
		{hasRole, entry.Role != ""},
		{hasSession, entry.SessionID != uuid.Nil},
		{hasAddress, entry.Address != ""},
		{hasResource, entry.ResourceID != uuid.Nil},
		{hasPatient, entry.PatientID != uuid.Nil},
		{hasStatus, entry.Status != 0},
		{hasIDs, len(entry.IDs) > 0},
		{hasCount, entry.Count != 0},
		{hasFields, len(entry.Fields) > 0},
		{hasBasis, entry.Basis != ""},
		{hasGrant, entry.GrantID != uuid.Nil},
		{hasFor, entry.ForID != uuid.Nil},
		{hasPurpose, entry.Purpose != ""},
	} {
		if member.has {
			mask |= member.bit
		}
	}
	e.number(mask)
	e.id(entry.ID)
	e.text(entry.Action)
	e.text(entry.ResourceType)
	e.text(entry.Outcome)
	e.optionalID(mask&hasRequestUUID, request)
	if mask&hasRequestText != 0 {
		e.text(entry.RequestID)
	}
	e.optionalText(entry.ClientRequestID)
	e.optionalID(mask&hasActor, entry.ActorID)
	e.optionalText(entry.Role)
	e.optionalID(mask&hasSession, entry.SessionID)
	e.optionalText(entry.Address)
	e.optionalID(mask&hasResource, entry.ResourceID)
	e.optionalID(mask&hasPatient, entry.PatientID)
	if mask&hasStatus != 0 {
		e.signed(int64(entry.Status))
	}
	if mask&hasIDs != 0 {
		e.number(uint64(len(entry.IDs)))
		for _, id := range entry.IDs {
			e.id(id)
		}
	}
	if mask&hasCount != 0 {
		e.signed(entry.Count)
	}
	if mask&hasFields != 0 {
		e.number(uint64(len(entry.Fields)))
		for _, name := range entry.Fields {
			e.text(name)
		}
	}
	e.optionalText(entry.Basis)
	e.optionalID(mask&hasGrant, entry.GrantID)
	e.optionalID(mask&hasFor, entry.ForID)
	e.optionalText(entry.Purpose)
}

func (e *encoded) optionalText(s string) {
	if s != "" {
		e.text(s)
	}
}

func (e *encoded) optionalID(present uint64, id uuid.UUID) {
	if present != 0 {
		e.id(id)
	}
}

// canonicalUUID parses the form of a UUID that its String method returns.
func canonicalUUID(s string) (id uuid.UUID, ok bool) {
	if len(s) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(s)
	return id, err == nil && id.String() == s
}

// entry decodes an entry without its time.
func (d *decoder) entry() (entry Entry) {
	mask := d.number()
	d.require(mask < endOfMask)
	entry.ID = d.id()
	entry.Action, entry.ResourceType, entry.Outcome = d.text(), d.text(), d.text()
	if mask&hasRequestUUID != 0 {
		entry.RequestID = d.id().String()
	}
	if mask&hasRequestText != 0 {
		entry.RequestID = d.text()
		_, isUUID := canonicalUUID(entry.RequestID)
		d.require(entry.RequestID != "" && !isUUID && mask&hasRequestUUID == 0)
	}
	entry.ClientRequestID = d.optionalText(mask & hasClientRequestID)
	entry.ActorID = d.optionalID(mask & hasActor)
	entry.Role = d.optionalText(mask & hasRole)
	entry.SessionID = d.optionalID(mask & hasSession)
	entry.Address = d.optionalText(mask & hasAddress)
	entry.ResourceID = d.optionalID(mask & hasResource)
	entry.PatientID = d.optionalID(mask & hasPatient)
	if mask&hasStatus != 0 {
		entry.Status = int(d.signed())
		d.require(entry.Status != 0)
	}
	if mask&hasIDs != 0 {
		entry.IDs = make([]uuid.UUID, d.count(len(uuid.UUID{})))
		for i := range entry.IDs {
			entry.IDs[i] = d.id()
		}
		d.require(len(entry.IDs) > 0)
	}
	if mask&hasCount != 0 {
		entry.Count = d.signed()
		d.require(entry.Count != 0)
	}
	if mask&hasFields != 0 {
		entry.Fields = make([]string, d.count(1))
		for i := range entry.Fields {
			entry.Fields[i] = d.text()
		}
		d.require(len(entry.Fields) > 0)
	}
	entry.Basis = d.optionalText(mask & hasBasis)
	entry.GrantID = d.optionalID(mask & hasGrant)
	entry.ForID = d.optionalID(mask & hasFor)
	entry.Purpose = d.optionalText(mask & hasPurpose)
	return entry
}

// require fails the decoder unless a condition of the encoding holds.
func (d *decoder) require(holds bool) {
	if !holds {
		d.failed, d.rest = true, nil
	}
}

func (d *decoder) optionalText(present uint64) string {
	if present == 0 {
		return ""
	}
	s := d.text()
	d.require(s != "")
	return s
}

func (d *decoder) optionalID(present uint64) uuid.UUID {
	if present == 0 {
		return uuid.Nil
	}
	id := d.id()
	d.require(id != uuid.Nil)
	return id
}
