package domain

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// Repetition is how the appointments of a series repeat.
type Repetition struct {
	Frequency string // daily, weekly or monthly, in any letter case
	Interval  int    // of days, weeks or months: 1 to 4
	Count     int    // 2 to 52
	Skip      bool   // leave out the times that cannot be booked, instead of booking none
}

const (
	maxInterval = 4
	minCount    = 2
	// MaxCount is the maximum number of appointments of a series.
	MaxCount = 52
)

// Checks brings the frequency into lower case, and returns the errors of the fields (nil for valid ones).
func (r *Repetition) Checks() map[string]error {
	r.Frequency = strings.ToLower(strings.TrimSpace(r.Frequency))
	checks := map[string]error{}
	if r.Frequency != "daily" && r.Frequency != "weekly" && r.Frequency != "monthly" {
		checks["frequency"] = errors.New("Must be one of daily, weekly, monthly.")
	}
	if r.Interval < 1 || r.Interval > maxInterval {
		checks["interval"] = fmt.Errorf("Must be between 1 and %d.", maxInterval)
	}
	if r.Count < minCount || r.Count > MaxCount {
		checks["count"] = fmt.Errorf("Must be between %d and %d.", minCount, MaxCount)
	}
	return checks
}

// Starts returns the starts of a series that begins at first: at the same wall clock time in the zone on each date. A
// month without the day of the first date is left out, as in RFC 5545, section 3.3.10.
func (r Repetition) Starts(first time.Time, zone *time.Location) []time.Time {
	date, minute := WallClock(first, zone)
	starts := []time.Time{first}
	for n := 1; len(starts) < r.Count; n++ {
		on, exists := r.date(date, n*r.Interval)
		if exists {
			starts = append(starts, calendar.At(zone, on, minute))
		}
	}
	return starts
}

// date returns the date that is n units after the first one, and reports whether it exists.
func (r Repetition) date(first calendar.Date, n int) (calendar.Date, bool) {
	const daysOfWeek = 7
	switch r.Frequency {
	case "daily":
		return first.AddDays(n), true
	case "weekly":
		return first.AddDays(daysOfWeek * n), true
	}
	from := calendar.At(time.UTC, first, 0)
	on := from.AddDate(0, n, 0)
	return calendar.DateOf(on, time.UTC), on.Day() == from.Day()
}

// WallMinutes returns the minutes that the clock of a wall in the zone has run since a fixed day.
func WallMinutes(at time.Time, zone *time.Location) int {
	date, minute := WallClock(at, zone)
	return int(date)*minutesPerDay + minute
}

// AtWall returns the time at which WallMinutes are reached in the zone, see calendar.At.
func AtWall(minutes int, zone *time.Location) time.Time {
	day := minutes / minutesPerDay
	if minutes < 0 && minutes%minutesPerDay != 0 {
		day--
	}
	return calendar.At(zone, calendar.Date(0).AddDays(day), minutes-day*minutesPerDay)
}

// WallClock returns the date and the minute of the day that a clock in the zone shows.
func WallClock(at time.Time, zone *time.Location) (date calendar.Date, minute int) {
	local := at.In(zone)
	return calendar.DateOf(at, zone), local.Hour()*60 + local.Minute()
}
