package database

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// timeLayout has a fixed width, so that SQLite's text order is the order of time.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Time is an instant in a row: timestamptz on PostgreSQL, TEXT (RFC 3339, UTC, microseconds) in SQLite's STRICT tables, which
// know no time type. The zero Time is stored as NULL.
type Time struct{ time.Time }

// At is t in a row.
func At(t time.Time) Time { return Time{t} }

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.UTC().Format(timeLayout), nil
}

// Scan implements sql.Scanner.
func (t *Time) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*t = Time{}
	case time.Time:
		*t = Time{v.UTC()}
	case string:
		if t.Time, err = time.Parse(timeLayout, v); err != nil {
			err = errors.New("a stored time is malformed") // the cause quotes it, and it may be logged
		}
	default:
		err = fmt.Errorf("a time cannot be read from %T", src)
	}
	return err
}

// TimestamptzValue implements pgtype.TimestamptzValuer, so that pgx does not format and parse a text.
func (t Time) TimestamptzValue() (pgtype.Timestamptz, error) {
	return pgtype.Timestamptz{Time: t.Time, Valid: !t.IsZero()}, nil
}

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (t *Time) ScanTimestamptz(v pgtype.Timestamptz) error {
	*t = Time{v.Time}
	return nil
}

// Text is text in a row where "" stands for none and is stored as NULL, so that a unique constraint ignores it.
type Text string

// Value implements driver.Valuer.
func (t Text) Value() (driver.Value, error) {
	if t == "" {
		return nil, nil
	}
	return string(t), nil
}

// Scan implements sql.Scanner.
func (t *Text) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = ""
	case string:
		*t = Text(v)
	default:
		return fmt.Errorf("text cannot be read from %T", src)
	}
	return nil
}
