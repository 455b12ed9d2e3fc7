package calendar

import "time"

// Reach returns the time that the blocks of slots of the dates from..to may cover. Only busy times that overlap it have
// an effect on these slots.
func (r Rules) Reach(from, to Date, l Length) Span {
	last := minutesPerDay
	for i := range r.Windows {
		last = max(last, r.Windows[i].To)
	}
	for i := range r.Exceptions {
		if e := &r.Exceptions[i]; e.Hours {
			last = max(last, e.part().To)
		}
	}
	c := clock{zone: r.Zone}
	return Span{
		From: instant(c.at(from, 0) - int64(l.Before)*60),
		To:   instant(c.at(to, last) + int64(l.Minutes+l.After)*60),
	}
}

// Load returns the busy times that overlap a time: the blocks of the doctor and the visits of the patient, each sorted
// by From.
type Load func(reach Span) (doctor, patient []Busy, err error)

// daysPerLoad is the number of dates whose busy times NextFree loads at once.
const daysPerLoad = 7

// NextFree returns the first n starts of slots at or after a time, in ascending order. It considers the hours that
// begin within that many days, not beyond the horizon, and may find fewer. It calls load for a week at a time, and
// stops when it has found n. The query's busy times are ignored. Errors: those of load.
func (r Rules) NextFree(after time.Time, days, n int, q Query, load Load) ([]time.Time, error) {
	if earliest := q.Now.Add(time.Duration(r.Lead) * time.Minute); after.Before(earliest) {
		after = earliest
	}
	today := DateOf(after, r.Zone)
	first := today - 1 // hours that pass midnight
	last := min(today.AddDays(days), DateOf(q.Now, r.Zone).AddDays(r.Horizon))
	var starts []time.Time
	for from := first; from <= last && len(starts) < n; from += daysPerLoad {
		to := min(from+daysPerLoad-1, last)
		var err error
		if q.Busy, q.PatientBusy, err = load(r.Reach(from, to, q.Length)); err != nil {
			return nil, err
		}
		for day := range r.Days(from, to, q) {
			for _, slot := range day.Slots {
				if !slot.Start.Before(after) && len(starts) < n {
					starts = append(starts, slot.Start)
				}
			}
			if len(starts) == n {
				break
			}
		}
	}
	return starts, nil
}
