package rest

import "time"

// Time is an instant in JSON: RFC 3339 in UTC with all six digits of the microseconds.
type Time struct{ time.Time }

// At returns t as a Time.
func At(t time.Time) Time { return Time{t} }

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) {
	return t.UTC().AppendFormat(nil, "2006-01-02T15:04:05.000000Z"), nil
}

// MarshalJSON replaces the promoted method of time.Time, which drops trailing zeros.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000000Z"`), nil
}
