package calendar

import "time"

// At returns the instant, in UTC, of a wall clock time: minute minutes after 00:00 of the date, 1440 and more on the
// following dates. It is the first instant at which the wall clock shows that time or a later one. So
//   - a repeated time is the first of the two (RFC 5545 section 3.3.5),
//   - a missing time is the instant of the jump, at which the gap ends,
//   - a greater minute or date never results in an earlier instant.
//
// time.Date guarantees none of these: before a gap at midnight it may return a time of the day before.
func At(zone *time.Location, date Date, minute int) time.Time {
	c := clock{zone: zone}
	return time.Unix(c.at(date, minute), 0).UTC()
}

// clock converts wall clock times of a zone, and caches the two last periods between changes of its offset, because
// time.Location computes the rules of future years on every call.
type clock struct {
	zone   *time.Location
	cached [2]period
	oldest int
}

// period is a time [from, to) of a constant offset. All fields are in seconds; from and to are Unix times.
type period struct {
	from, to, offset int64
}

// forever exceeds all Unix times in use, and can be added to an offset without overflow.
const forever = 1 << 60

// at returns the Unix time of the wall clock time as described at At.
func (c *clock) at(date Date, minute int) int64 {
	wall := date.midnight() + int64(minute)*60
	// No offset reaches 24 hours, so before this instant the wall clock shows earlier times.
	p := c.period(wall - secondsPerDay)
	for wall >= p.to+p.offset {
		p = c.period(p.to)
	}
	return max(wall-p.offset, p.from)
}

// period returns the period that contains the instant.
func (c *clock) period(instant int64) period {
	for _, p := range c.cached {
		if p.from <= instant && instant < p.to {
			return p
		}
	}
	t := time.Unix(instant, 0).In(c.zone)
	_, offset := t.Zone()
	p := period{from: -forever, to: forever, offset: int64(offset)}
	from, to := t.ZoneBounds()
	if !from.IsZero() {
		p.from = from.Unix()
	}
	if !to.IsZero() {
		p.to = to.Unix()
	}
	c.cached[c.oldest] = p
	c.oldest = 1 - c.oldest
	return p
}
