package domain

import (
	"errors"
	"fmt"
	"time"

	"healthcare/modules/appointments/internal/domain/calendar"
)

const (
	minutesPerHour = 60
	minutesPerDay  = 24 * minutesPerHour
	endOfDay       = "24:00"
)

// Messages for people, as sentences.
var (
	errClock    = errors.New("Enter a time as HH:MM.")
	errNoLength = errors.New("May not equal the first time. The end of a day is 24:00.")
)

// parseMinutes reads a part of a day, and returns the errors of its fields. A second time that is not later than the
// first is on the next day.
func parseMinutes(from, to string) (part calendar.Minutes, wrong map[string]error) {
	wrong = map[string]error{}
	part.From, wrong["from"] = parseClock(from)
	if to == endOfDay {
		part.To = minutesPerDay
	} else {
		part.To, wrong["to"] = parseClock(to)
	}
	switch {
	case wrong["from"] != nil || wrong["to"] != nil:
	case part.To == part.From:
		wrong["to"] = errNoLength
	case part.To < part.From:
		part.To += minutesPerDay
	}
	return part, wrong
}

// parseClock reads HH:MM of 00:00 to 23:59, in minutes after midnight.
func parseClock(s string) (int, error) {
	if s == "" {
		return 0, errRequired
	}
	const layout = "15:04"
	t, err := time.Parse(layout, s)
	if err != nil || len(s) != len(layout) {
		return 0, errClock
	}
	return t.Hour()*minutesPerHour + t.Minute(), nil
}

// ClockText returns minutes after midnight as HH:MM. The end of the day is 24:00, and later minutes are times of the
// next day.
func ClockText(minute int) string {
	if minute == minutesPerDay {
		return endOfDay
	}
	minute %= minutesPerDay
	return fmt.Sprintf("%02d:%02d", minute/minutesPerHour, minute%minutesPerHour)
}
