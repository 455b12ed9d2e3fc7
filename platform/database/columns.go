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

// Time is an instant in a row: timestamptz on PostgreSQL, TEXT (RFC 3339, UTC, microseconds) in SQLite's STRICT tables,
// which have no time type. The zero Time is stored as NULL.
type Time struct{ time.Time }

// At returns t as the value of a row.
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
		err = t.UnmarshalText([]byte(v))
	default:
		err = fmt.Errorf("cannot read a time from %T", src)
	}
	return err
}

// UnmarshalText implements encoding.TextUnmarshaler: it reads SQLite's text.
func (t *Time) UnmarshalText(text []byte) error {
	if len(text) != len(timeLayout) || text[len(text)-1] != 'Z' || t.Time.UnmarshalText(text) != nil {
		return errors.New("malformed time in the store") // without the cause, which quotes the value
	}
	return nil
}

// TimestamptzValue implements pgtype.TimestamptzValuer: pgx then sends the time in binary instead of formatting it.
func (t Time) TimestamptzValue() (pgtype.Timestamptz, error) {
	return pgtype.Timestamptz{Time: t.Time, Valid: !t.IsZero()}, nil
}

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (t *Time) ScanTimestamptz(v pgtype.Timestamptz) error {
	*t = Time{v.Time.UTC()}
	return nil
}

// Text is an optional text in a row. The empty Text is stored as NULL, which unique constraints ignore.
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
		return fmt.Errorf("cannot read a text from %T", src)
	}
	return nil
}
