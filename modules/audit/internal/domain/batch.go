package domain

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// WriterID identifies one run of a process that records entries.
type WriterID [8]byte

// String returns 16 hexadecimal digits.
func (w WriterID) String() string { return hex.EncodeToString(w[:]) }

// Batch has the entries that one commit records, all of one instant, with the number that their writer gave it.
//
// A batch that is not sealed yet has a MAC but is in no chain, so the owner of the tables could delete it. Therefore
// each batch acknowledges the batches of its writer that were committed before: if one of them never appears in the
// chain, verification names it. Only the last batches of a writer can be removed unnoticed, before they are sealed.
type Batch struct {
	Writer       WriterID
	Number       uint64    // from 1; numbers of transactions that were rolled back are missing
	Acknowledged Numbers   // numbers of earlier batches of this writer that are known to be committed
	Time         time.Time // the reading of the writer's clock, the time of all entries
	KeyID        string    // of the key of the MAC
	Entries      []Entry
}

const (
	// MaxBatchEntries is the maximum number of entries of a batch.
	MaxBatchEntries = 250
	// MaxBatchBytes is the maximum size of a batch with several entries. One entry has at most about 12 KB.
	MaxBatchBytes = 256 << 10
	// MaxSealedBytes is more than the size of any batch with its acknowledgements and MAC. Larger rows are not read.
	MaxSealedBytes = 2 * MaxBatchBytes
	// maxAcknowledged is the maximum number of ranges that a batch acknowledges.
	maxAcknowledged = 256
)

const (
	batchVersion = 2                           // of the bytes of a batch
	batchMAC     = "healthcare audit batch v2" // begins the bytes under the MAC
)

// ErrForged is the error of a batch whose MAC is not that of its key.
var ErrForged = errors.New("audit: the batch was changed, or not written with AUDIT_KEY")

// UnknownKeyError is the error of a batch whose key is not known.
type UnknownKeyError struct{ KeyID string }

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("audit: key %q is neither AUDIT_KEY nor in AUDIT_KEY_PREVIOUS", e.KeyID)
}

// Seal sets the key of the batch, and returns the bytes of the batch and its MAC.
func (b *Batch) Seal(keys Keys) []byte {
	b.KeyID = keys.newest.ID
	body := b.body()
	mac := batchMACOf(keys.newest, body)
	return append(body, mac[:]...)
}

// Open decodes and verifies the result of Seal, and returns the batch and its bytes without the MAC.
// Errors: ErrForged; *UnknownKeyError.
func (k Keys) Open(sealed []byte) (b Batch, body []byte, err error) {
	if len(sealed) < len(MAC{}) {
		return Batch{}, nil, ErrForged
	}
	body, mac := sealed[:len(sealed)-len(MAC{})], sealed[len(sealed)-len(MAC{}):]
	d := decoder{rest: body}
	if b = d.batch(); d.failed || len(d.rest) > 0 {
		return Batch{}, nil, ErrForged
	}
	key, known := k.entries[b.KeyID]
	if !known {
		return Batch{}, nil, &UnknownKeyError{b.KeyID}
	}
	if expected := batchMACOf(key, body); !hmac.Equal(expected[:], mac) {
		return Batch{}, nil, ErrForged
	}
	return b, body, nil
}

func batchMACOf(key Secret, body []byte) (mac MAC) {
	h := hmac.New(sha256.New, key.Bytes)
	h.Write([]byte(batchMAC))
	h.Write(body)
	h.Sum(mac[:0])
	return mac
}

// body returns the bytes of the batch without its MAC.
func (b Batch) body() []byte {
	size := 64
	for i := range b.Entries {
		size += 192 + 16*len(b.Entries[i].IDs)
	}
	e := make(encoded, 0, size)
	e = append(e, batchVersion)
	e = append(e, b.Writer[:]...)
	e.number(b.Number)
	e.number(uint64(len(b.Acknowledged.ranges)))
	next := b.Number // ranges backwards from the number, because they are close to it
	for _, r := range slices.Backward(b.Acknowledged.ranges) {
		e.number(next - r.last)
		e.number(r.last - r.first)
		next = r.first
	}
	e.signed(b.Time.UnixMicro())
	e.text(b.KeyID)
	e.number(uint64(len(b.Entries)))
	for i := range b.Entries {
		e.entry(b.Entries[i])
	}
	return e
}

// batch decodes a batch without its MAC.
func (d *decoder) batch() (b Batch) {
	version := d.bytes(1)
	d.require(len(version) == 1 && version[0] == batchVersion)
	copy(b.Writer[:], d.bytes(uint64(len(b.Writer))))
	b.Number = d.number()
	b.Acknowledged = d.acknowledged(b.Number)
	b.Time = time.UnixMicro(d.signed()).UTC()
	b.KeyID = d.text()
	const smallestEntry = 20
	b.Entries = make([]Entry, d.count(smallestEntry))
	for i := range b.Entries {
		b.Entries[i] = d.entry()
		b.Entries[i].Time = b.Time
	}
	return b
}

// acknowledged decodes the ranges of acknowledged numbers, all of which are less than number.
func (d *decoder) acknowledged(number uint64) Numbers {
	ranges := make([]numberRange, d.count(2))
	least := uint64(1) // adjacent ranges would be one
	for i := len(ranges) - 1; i >= 0; i-- {
		distance, more := d.number(), d.number()
		d.require(distance >= least && distance < number && more < number-distance)
		if d.failed {
			return Numbers{}
		}
		last := number - distance
		ranges[i] = numberRange{last - more, last}
		number, least = last-more, 2
	}
	if len(ranges) == 0 {
		return Numbers{}
	}
	return Numbers{ranges}
}

// Writer numbers the batches of one process, and acknowledges them. It is safe for concurrent use.
type Writer struct {
	id WriterID

	mu        sync.Mutex
	number    uint64  // of the last batch
	committed Numbers // committed and not yet acknowledged by a committed batch
}

// NewWriter returns a Writer with a random id.
func NewWriter() *Writer {
	w := new(Writer)
	_, _ = rand.Read(w.id[:]) // never fails
	return w
}

// Next returns the next batch, which acknowledges the committed ones.
func (w *Writer) Next(at time.Time, entries []Entry) Batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.number++
	return Batch{
		Writer: w.id, Number: w.number, Acknowledged: w.committed.Clone(maxAcknowledged), Time: at, Entries: entries,
	}
}

// Committed is called after the commit of a batch, so that the next batch acknowledges it. It is not called if the
// outcome is unknown.
func (w *Writer) Committed(b Batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for number := range b.Acknowledged.All() {
		w.committed.Remove(number)
	}
	w.committed.Add(b.Number)
}

// DecodeUnverified decodes the result of Batch.Seal without its MAC: the batch may be forged.
func DecodeUnverified(sealed []byte) (Batch, error) {
	d := decoder{rest: sealed[:max(0, len(sealed)-len(MAC{}))]}
	if b := d.batch(); !d.failed && len(d.rest) == 0 {
		return b, nil
	}
	return Batch{}, errMalformed
}
