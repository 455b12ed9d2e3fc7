package calendar

import (
	"errors"
	"fmt"
	"time"
)

// Date is a civil date without a time zone: the number of days since 1970-01-01. Dates are compared with < and ==.
// The zero Date is 1970-01-01.
type Date int32

// MinDate and MaxDate bound the dates that are accepted: 1900-01-01 and 9998-12-31. The days around them have a text
// and are dates on every engine, so that the caller may compute with them.
const (
	MinDate Date = -25_567
	MaxDate Date = 2_932_531
)

const secondsPerDay = 24 * 60 * 60

// Messages for people, as sentences.
var (
	errDate  = errors.New("Enter a date as YYYY-MM-DD.")
	errYears = fmt.Errorf("Must be a date from %s to %s.", MinDate, MaxDate)
)

// ParseDate reads YYYY-MM-DD (RFC 3339, full-date) from MinDate to MaxDate. Errors: a plain error for any other text,
// which does not quote the text.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, errDate
	}
	date := Date(floorDiv(t.Unix(), secondsPerDay)) //nolint:gosec // four digits of a year fit
	if date < MinDate || date > MaxDate {
		return 0, errYears
	}
	return date, nil
}

// DateOf returns the date that a calendar in the zone shows at the instant.
func DateOf(instant time.Time, zone *time.Location) Date {
	_, offset := instant.In(zone).Zone()
	return Date(floorDiv(instant.Unix()+int64(offset), secondsPerDay)) //nolint:gosec // 5.8 million years fit
}

// String returns YYYY-MM-DD. The result is undefined outside the years 1 to 9999.
func (d Date) String() string {
	return time.Unix(d.midnight(), 0).UTC().Format(time.DateOnly)
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday {
	return time.Weekday(((int64(d)+int64(time.Thursday))%7 + 7) % 7) // 1970-01-01 was a Thursday
}

// AddDays returns the date n days later, or earlier if n is negative. It does not check MinDate and MaxDate.
func (d Date) AddDays(n int) Date {
	return d + Date(n) //nolint:gosec // the caller's bounds are a few years
}

// MarshalText implements encoding.TextMarshaler.
func (d Date) MarshalText() ([]byte, error) {
	return []byte(d.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler. Errors: those of ParseDate.
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDate(string(text))
	return err
}

// midnight returns the Unix time of 00:00 of d in UTC.
func (d Date) midnight() int64 {
	return int64(d) * secondsPerDay
}

// floorDiv divides and rounds towards negative infinity.
func floorDiv(a, b int64) int64 {
	quotient := a / b
	if a%b < 0 {
		quotient--
	}
	return quotient
}
