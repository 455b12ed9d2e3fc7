package domain

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"

	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/errs"
)

// Booking is the input of a new appointment.
type Booking struct {
	Patient  patients.ID
	Doctor   doctors.ID
	Type     TypeID
	Start    time.Time
	Reason   string
	Hold     *int    // minutes of a reservation: 1 to MaxHold; nil: no reservation
	Overbook *string // why the rules of the doctor and conflicts are to be ignored; nil: they are not
}

const (
	maxReason         = 500
	maxOverbookReason = 200
)

var (
	reasonRule = validation.RuneLength(0, maxReason).Error("Must have at most {{.max}} characters.")

	overbookRule = validation.RuneLength(1, maxOverbookReason).Error("Must have between 1 and {{.max}} characters.")
)

// rfc3339 matches more than RFC 3339, but not what time.Parse also accepts: hours of one digit, a comma, and offsets of
// 24 hours.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// ParseStart reads the start of an appointment: RFC 3339, a whole minute of the years firstStart to lastStart in UTC.
// Errors: one for the field.
func ParseStart(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	start, err := time.Parse(time.RFC3339, s)
	start = start.UTC()
	switch {
	case err != nil, !rfc3339.MatchString(s), !start.Truncate(time.Minute).Equal(start):
		return time.Time{}, errStart
	case start.Year() < firstStart || start.Year() > lastStart:
		return time.Time{}, errStartYear
	}
	return start, nil
}

// The years of starts. The longest series takes 52 years, so that the last of its dates has four digits as well.
const (
	firstStart = 2000
	lastStart  = 9900
)

var (
	errStart = errors.New("Must be a whole minute with its offset from UTC, as in 2099-12-01T09:30:00+01:00.")

	errStartYear = fmt.Errorf("Must be in the years %d to %d, in UTC.", firstStart, lastStart)
)

// Checks trims the texts, and returns the errors of the fields (nil for valid ones).
func (b *Booking) Checks() map[string]error {
	b.Reason = strings.TrimSpace(b.Reason)
	checks := map[string]error{"reason": validation.Validate(b.Reason, reasonRule)}
	if b.Hold != nil {
		checks["hold_minutes"] = checkHold(*b.Hold)
	}
	if b.Overbook != nil {
		checks["overbook_reason"] = validation.Validate(*b.Overbook, overbookRule)
		if b.Hold != nil {
			checks["hold"] = errors.New("A reservation cannot be overbooked.")
		}
	}
	return checks
}

func checkHold(minutes int) error {
	if minutes < 1 || minutes > MaxHold {
		return fmt.Errorf("Must be between 1 and %d.", MaxHold)
	}
	return nil
}

// Move is the input of another time. Nil members keep their value.
type Move struct {
	Doctor   *doctors.ID
	Type     *TypeID
	Start    time.Time
	Overbook *string

	Following bool // also the later appointments of the series, by as much on the wall clock
}

// Checks returns the errors of the fields (nil for valid ones).
func (m *Move) Checks() map[string]error {
	checks := map[string]error{}
	if m.Overbook != nil {
		checks["overbook_reason"] = validation.Validate(*m.Overbook, overbookRule)
	}
	return checks
}

// SetReason changes the reason of the visit. Errors: errs.Invalid.
func (a *Appointment) SetReason(reason string, now time.Time) error {
	reason = strings.TrimSpace(reason)
	if err := errs.Fields(map[string]error{"reason": validation.Validate(reason, reasonRule)}); err != nil {
		return err
	}
	if reason != a.Reason {
		a.Reason = reason
		a.touch(now)
	}
	return nil
}
