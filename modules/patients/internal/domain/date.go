package domain

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// Date is a civil date without a time zone, such as a birth date. The zero Date means no date and is stored as NULL.
type Date struct{ year, month, day int }

// DateOf returns the date of t in UTC.
func DateOf(t time.Time) Date {
	year, month, day := t.UTC().Date()
	return Date{year, int(month), day}
}

// ParseDate reads YYYY-MM-DD (RFC 3339, full-date). Errors: a plain error for any other text.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, err
	}
	return DateOf(t), nil
}

// String returns YYYY-MM-DD, or "" for the zero Date.
func (d Date) String() string {
	if d == (Date{}) {
		return ""
	}
	return time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// YearsUntil returns the whole years from d until today: the age of a person born on d. A birthday on 29 February is on
// 1 March in common years.
func (d Date) YearsUntil(today Date) int {
	years := today.year - d.year
	if today.month < d.month || today.month == d.month && today.day < d.day {
		years--
	}
	return years
}

// After reports whether d is later than other.
func (d Date) After(other Date) bool {
	return cmp.Or(cmp.Compare(d.year, other.year), cmp.Compare(d.month, other.month), cmp.Compare(d.day, other.day)) > 0
}

// Value implements driver.Valuer.
func (d Date) Value() (driver.Value, error) {
	if d == (Date{}) {
		return nil, nil
	}
	return d.String(), nil
}

// Scan implements sql.Scanner: text from SQLite, a time from PostgreSQL.
func (d *Date) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*d = Date{}
	case time.Time:
		*d = DateOf(v)
	case string:
		err = d.UnmarshalText([]byte(v))
	default:
		err = fmt.Errorf("cannot read a date from %T", src)
	}
	return err
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Date) UnmarshalText(text []byte) (err error) {
	if *d, err = ParseDate(string(text)); err != nil {
		return errors.New("a stored date is malformed") // err quotes the date, and errors are logged
	}
	return nil
}
