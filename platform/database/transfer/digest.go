package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// digest is the checksum of a table's rows, whatever their order: how many there are, and the sum of their SHA-256 modulo 2^256. It tells faults, not
// forgeries; those are the audit trail's to tell.
type digest struct {
	rows int64
	sum  [4]uint64
	row  []byte // kept from row to row, so that none is allocated
}

// add counts a row, its values as SQLite holds them: nil, int64, string or []byte.
func (d *digest) add(values []any) error {
	d.row = d.row[:0]
	for _, value := range values {
		switch v := value.(type) {
		case nil:
			d.put('0', nil)
		case int64:
			d.put('i', binary.BigEndian.AppendUint64(nil, uint64(v))) //nolint:gosec // its bits
		case string:
			d.put('t', []byte(v))
		case []byte:
			d.put('b', v)
		default:
			return fmt.Errorf("a %T has no checksum", value)
		}
	}
	hash := sha256.Sum256(d.row)
	carry := uint64(0)
	for i := range d.sum {
		d.sum[i], carry = bits.Add64(d.sum[i], binary.LittleEndian.Uint64(hash[8*i:]), carry)
	}
	d.rows++
	return nil
}

func (d *digest) put(tag byte, value []byte) {
	d.row = append(d.row, tag)
	d.row = binary.BigEndian.AppendUint64(d.row, uint64(len(value)))
	d.row = append(d.row, value...)
}

func (d *digest) equals(other *digest) bool { return d.rows == other.rows && d.sum == other.sum }

// String is the sum, for people to compare.
func (d *digest) String() string {
	return fmt.Sprintf("%016x%016x%016x%016x", d.sum[3], d.sum[2], d.sum[1], d.sum[0])
}
