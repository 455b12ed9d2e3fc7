package calendar

import "time"

// Bookable reports whether an appointment of the query's type and length may start at a time, and otherwise the rule
// that it violates: NoAvailability or Holiday if the visit is outside the opening hours, LeadTime or BeyondHorizon. The
// start may be between the starts of slots: staff may book at any time. Busy times are not considered. Every slot of
// Days is bookable.
func (r Rules) Bookable(start time.Time, q Query) (bool, Reason) {
	f := newFinder(&r, q)
	if reason := f.outside(start); reason != "" {
		return false, reason
	}
	if start.Before(q.Now.Add(time.Duration(r.Lead) * time.Minute)) {
		return false, LeadTime
	}
	if start.Unix() >= f.latest {
		return false, BeyondHorizon
	}
	return true, ""
}

// outside returns "" if the visit is inside the opening hours.
func (f *finder) outside(start time.Time) Reason {
	from := start.Unix()
	end := ceilUnix(start.Add(time.Duration(f.visit) * time.Second))
	date := DateOf(start, f.rules.Zone)
	// Hours may begin the day before and, where the clock is put back over midnight, belong to the day after.
	for day := date - 1; day <= date+1; day++ {
		today := f.hours(day, nil)
		for _, p := range today.pieces {
			if p.from <= from && from < p.to && end <= f.end(p, today, f.hours(day+1, nil)) {
				return ""
			}
		}
		if today.contain(from) {
			return NoAvailability
		}
	}
	if f.hours(date, nil).holiday {
		return Holiday
	}
	return NoAvailability
}
