package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// date is a civil date in a row: date on PostgreSQL, TEXT on SQLite.
type date calendar.Date

// orNoDate returns a date of a row, or nil for NULL.
func orNoDate(d *calendar.Date) *date { return (*date)(d) }

// Value implements driver.Valuer.
func (d date) Value() (driver.Value, error) { return calendar.Date(d).String(), nil }

// Scan implements sql.Scanner: text from SQLite, a time from PostgreSQL. It accepts dates of all years: the bounds of
// input do not make a stored row unreadable.
func (d *date) Scan(src any) error {
	switch v := src.(type) {
	case time.Time:
		*d = date(calendar.DateOf(v, time.UTC))
	case string:
		parsed, err := time.Parse(time.DateOnly, v)
		if err != nil {
			return errors.New("a stored date is malformed")
		}
		*d = date(calendar.DateOf(parsed, time.UTC))
	default:
		return fmt.Errorf("cannot read a date from %T", src)
	}
	return nil
}
