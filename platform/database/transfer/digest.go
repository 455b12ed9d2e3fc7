package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// digest is the checksum of a table's rows in any order: their number, and the sum of their SHA-256 hashes modulo
// 2^256. It detects faults, not forgeries; the audit trail detects those.
type digest struct {
	rows   int64
	sum    [4]uint64
	buffer []byte // reused for every row
}

// add includes a row, with the values as SQLite holds them: nil, int64, string or []byte.
func (d *digest) add(values []any) error {
	d.buffer = d.buffer[:0]
	for _, value := range values {
		switch v := value.(type) {
		case nil:
			d.appendValue('0', nil)
		case int64:
			d.appendValue('i', binary.BigEndian.AppendUint64(nil, uint64(v))) //nolint:gosec // its bits
		case string:
			d.appendValue('t', []byte(v))
		case []byte:
			d.appendValue('b', v)
		default:
			return fmt.Errorf("cannot compute the checksum of a %T", value)
		}
	}
	hash := sha256.Sum256(d.buffer)
	carry := uint64(0)
	for i := range d.sum {
		d.sum[i], carry = bits.Add64(d.sum[i], binary.LittleEndian.Uint64(hash[8*i:]), carry)
	}
	d.rows++
	return nil
}

func (d *digest) appendValue(tag byte, value []byte) {
	d.buffer = append(d.buffer, tag)
	d.buffer = binary.BigEndian.AppendUint64(d.buffer, uint64(len(value)))
	d.buffer = append(d.buffer, value...)
}

func (d *digest) equals(other *digest) bool { return d.rows == other.rows && d.sum == other.sum }

// String returns the sum in hexadecimal digits.
func (d *digest) String() string {
	return fmt.Sprintf("%016x%016x%016x%016x", d.sum[3], d.sum[2], d.sum[1], d.sum[0])
}
