package calendar_test

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// oracle computes slots minute by minute. It reads the clock of the zone at every minute and compares the time that
// it shows with the rules; it converts no wall clock time to an instant.
type oracle struct {
	rules   calendar.Rules
	date    calendar.Date
	q       calendar.Query
	walls   []int64                  // of each minute, the latest time that the clock has shown, in minutes
	windows map[calendar.Date][]bool // of each minute, whether it is inside the hours of a date before closures
	open    map[calendar.Date][]bool // after closures
	holiday bool
}

// begin is the distance of the first minute of the oracle from 00:00 UTC of its date.
const begin = -3 * 1440

func newOracle(rules calendar.Rules, d calendar.Date, q calendar.Query) *oracle {
	o := &oracle{rules: rules, date: d, q: q}
	o.windows, o.open = map[calendar.Date][]bool{}, map[calendar.Date][]bool{}
	for minute := begin; minute < 4*1440; minute++ {
		wall := wallMinute(minuteOf(d, minute), rules.Zone)
		if n := len(o.walls); n > 0 {
			wall = max(wall, o.walls[n-1]) // the hours do not begin again when the clock is put back
		}
		o.walls = append(o.walls, wall)
	}
	for _, day := range []calendar.Date{d - 1, d, d + 1} {
		windows, open := make([]bool, len(o.walls)), make([]bool, len(o.walls))
		for i, wall := range o.walls {
			windows[i] = o.inHours(day, wall)
			open[i] = windows[i] && !o.isClosed(day, wall)
		}
		o.windows[day], o.open[day] = windows, open
	}
	o.holiday = o.isHoliday(d)
	return o
}

func (o *oracle) instant(i int) time.Time { return minuteOf(o.date, begin+i).UTC() }

// inPart reports whether the wall clock time is in a part of a date.
func inPart(d calendar.Date, part calendar.Minutes, wall int64) bool {
	minute := wall - int64(d)*1440
	return int64(part.From) <= minute && minute < int64(part.To)
}

func partOf(e calendar.Exception) calendar.Minutes {
	if e.Minutes == nil {
		return calendar.Minutes{From: 0, To: 1440}
	}
	return *e.Minutes
}

func (o *oracle) exceptions(d calendar.Date, hours, practice bool) (found []calendar.Exception) {
	for _, e := range o.rules.Exceptions {
		if e.Hours == hours && e.Practice == practice && e.From <= d && d <= e.To {
			found = append(found, e)
		}
	}
	return found
}

// hoursOf returns the exceptions that replace the weekly windows of a date.
func (o *oracle) hoursOf(d calendar.Date) []calendar.Exception {
	if own := o.exceptions(d, true, false); len(own) > 0 {
		return own
	}
	return o.exceptions(d, true, true)
}

func (o *oracle) isHoliday(d calendar.Date) bool {
	allDay := func(e calendar.Exception) bool { return e.Minutes == nil }
	return len(o.hoursOf(d)) == 0 && slices.ContainsFunc(o.exceptions(d, false, true), allDay)
}

func (o *oracle) inHours(d calendar.Date, wall int64) bool {
	if hours := o.hoursOf(d); len(hours) > 0 {
		return slices.ContainsFunc(hours, func(e calendar.Exception) bool { return inPart(d, partOf(e), wall) })
	}
	return slices.ContainsFunc(o.rules.Windows, func(w calendar.Window) bool {
		switch {
		case w.Type != uuid.Nil && w.Type != o.q.Type, w.Weekday != minuteOf(d, 0).UTC().Weekday(),
			w.ValidFrom != nil && d < *w.ValidFrom, w.ValidUntil != nil && d > *w.ValidUntil:
			return false
		}
		return inPart(d, w.Minutes, wall)
	})
}

// isClosed reports whether a closure applies to a time of the hours of a date.
func (o *oracle) isClosed(d calendar.Date, wall int64) bool {
	if o.isHoliday(d) {
		return true
	}
	replaced := len(o.hoursOf(d)) > 0
	return slices.ContainsFunc(o.rules.Exceptions, func(e calendar.Exception) bool {
		switch {
		case e.Hours, e.Practice && (e.Minutes == nil || replaced):
			return false
		case e.Minutes == nil && e.From <= d && d <= e.To:
			return true
		}
		for day := e.From; day <= e.To; day++ {
			if inPart(day, partOf(e), wall) {
				return true
			}
		}
		return false
	})
}

// fits reports whether the visit that starts at minute i is inside the hours of the date and of the next.
func (o *oracle) fits(i int) bool {
	for j := i; j < i+o.q.Length.Minutes; j++ {
		if !o.open[o.date][j] && !o.open[o.date+1][j] {
			return false
		}
	}
	return o.open[o.date][i] && !o.open[o.date-1][i]
}

// starts returns the minutes at which a visit may start, apart from lead time, horizon and busy times.
func (o *oracle) starts() (starts []int) {
	base := 0
	for i := 1; i < len(o.walls)-1440; i++ {
		if o.windows[o.date][i] && !o.windows[o.date][i-1] {
			base = i
		}
		if o.fits(i) && (i-base)%o.rules.Step == 0 {
			starts = append(starts, i)
		}
	}
	return starts
}

func overlap(busy []calendar.Busy, from, to time.Time) (overlapping []calendar.Busy) {
	for _, b := range busy {
		if b.From.Before(to) && b.To.After(from) {
			overlapping = append(overlapping, b)
		}
	}
	return overlapping
}

func (o *oracle) free(start time.Time) int {
	l, capacity := o.q.Length, max(o.q.Capacity, 1)
	end := start.Add(time.Duration(l.Minutes) * time.Minute)
	if len(overlap(o.q.PatientBusy, start, end)) > 0 {
		return 0
	}
	blocks := overlap(o.q.Busy, start.Add(-time.Duration(l.Before)*time.Minute),
		end.Add(time.Duration(l.After)*time.Minute))
	for _, b := range blocks {
		if capacity == 1 || b.Session != o.q.Session(start) {
			return 0
		}
	}
	return max(0, capacity-len(blocks))
}

// window returns 0 if a start is between lead time and horizon, else -1 or 1.
func (o *oracle) window(start time.Time) int {
	last := o.q.Now.In(o.rules.Zone)
	today := time.Date(last.Year(), last.Month(), last.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400
	i := int(start.Unix()/60 - int64(o.date)*1440 - begin)
	switch {
	case start.Before(o.q.Now.Add(time.Duration(o.rules.Lead) * time.Minute)):
		return -1
	case o.walls[i] >= (today+int64(o.rules.Horizon)+1)*1440:
		return 1
	}
	return 0
}

func (o *oracle) day() calendar.Day {
	day := calendar.Day{Date: o.date}
	seen := map[int]bool{}
	for _, i := range o.starts() {
		start := o.instant(i)
		seen[o.window(start)] = true
		if free := o.free(start); free > 0 && o.window(start) == 0 {
			day.Slots = append(day.Slots, calendar.Slot{Start: start, Free: free})
		}
	}
	today := calendar.DateOf(o.q.Now, o.rules.Zone)
	switch {
	case len(day.Slots) > 0:
	case o.date > today.AddDays(o.rules.Horizon):
		day.Reason = calendar.BeyondHorizon
	case o.holiday:
		day.Reason = calendar.Holiday
	case len(seen) == 0:
		day.Reason = calendar.NoAvailability
	case seen[0]:
		day.Reason = calendar.FullyBooked
	case seen[-1]:
		day.Reason = calendar.LeadTime
	default:
		day.Reason = calendar.BeyondHorizon
	}
	return day
}

// bookable is the availability rule of Bookable for a start inside the hours of the date, and of no date before.
func (o *oracle) bookable(start time.Time) (owned, fits bool) {
	i := int(start.Unix()/60 - int64(o.date)*1440 - begin)
	return o.open[o.date][i] && !o.open[o.date-1][i], o.fits(i)
}
