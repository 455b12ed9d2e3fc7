package domain

import "time"

// Calendar holds the civil dates of one instant, in the service's time zone and elsewhere on earth.
//
// The service does not know the time zone of a client. It shows ages for its own date, and accepts a birth date or an
// age that is correct anywhere on earth.
type Calendar struct {
	Today     Date // in the service's time zone
	yesterday Date // the day before Today
	earliest  Date // at UTC-12, where a date ends last
	latest    Date // at UTC+14, where a date begins first
}

// CalendarAt returns the dates of the instant now for a service in zone.
func CalendarAt(now time.Time, zone *time.Location) Calendar {
	year, month, day := now.In(zone).Date()
	today := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return Calendar{
		Today: DateOf(today), yesterday: DateOf(today.AddDate(0, 0, -1)),
		earliest: DateOf(now.Add(-12 * time.Hour)), latest: DateOf(now.Add(14 * time.Hour)),
	}
}

// agrees reports whether a person born on born has this age today somewhere on earth.
func (c Calendar) agrees(age int, born Date) bool {
	return born.YearsUntil(c.earliest) <= age && age <= born.YearsUntil(c.latest)
}
