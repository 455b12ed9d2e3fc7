package rest

import (
	"strconv"
	"time"
)

// Time is an instant in JSON: RFC 3339 in UTC with all six digits of the microseconds.
type Time struct{ time.Time }

// At returns t as a Time.
func At(t time.Time) Time { return Time{t} }

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) { return t.appendText(nil), nil }

// MarshalJSON replaces the promoted method of time.Time, which drops trailing zeros.
func (t Time) MarshalJSON() ([]byte, error) { return t.appendJSON(nil), nil }

func (t Time) appendJSON(buf []byte) []byte { return append(t.appendText(append(buf, '"')), '"') }

// appendText needs a third of the time of AppendFormat with a layout that has the microseconds.
func (t Time) appendText(buf []byte) []byte {
	buf = t.UTC().AppendFormat(buf, time.RFC3339)
	point := len(buf) - len("Z")
	buf = strconv.AppendInt(buf[:point], int64(1e6+t.Nanosecond()/1e3), 10) // the leading 1 keeps the zeros
	buf[point] = '.'
	return append(buf, 'Z')
}
