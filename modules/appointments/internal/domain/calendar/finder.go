package calendar

import "time"

// slotsPerArray is the number of slots for which memory is allocated at once: some days.
const slotsPerArray = 64

// finder finds the slots of a query.
type finder struct {
	planner
	q                     Query
	step                  int64 // like the following, in seconds
	visit, before, after  int64
	earliest, latest      int64 // Unix times: starts are in [earliest, latest)
	lastDate              Date
	capacity              int
	doctor, patient       sweep
	whole                 []piece // buffer
	slots                 []Slot  // those of several dates share an array
	tooEarly, inTime, any bool    // whether the date has starts at all, by time
}

func newFinder(r *Rules, q Query) *finder {
	f := &finder{
		planner:  newPlanner(r, q.Type),
		q:        q,
		step:     int64(r.Step) * 60,
		visit:    int64(q.Length.Minutes) * 60,
		before:   int64(q.Length.Before) * 60,
		after:    int64(q.Length.After) * 60,
		earliest: ceilUnix(q.Now) + int64(r.Lead)*60,
		lastDate: DateOf(q.Now, r.Zone).AddDays(r.Horizon),
		capacity: max(q.Capacity, 1),
		doctor:   newSweep(q.Busy),
		patient:  newSweep(q.PatientBusy),
	}
	f.latest = f.clock.at(f.lastDate+1, 0)
	return f
}

func (f *finder) day(date Date, previous, today, next hours) Day {
	if date > f.lastDate {
		return Day{Date: date, Reason: BeyondHorizon}
	}
	f.tooEarly, f.inTime, f.any = false, false, false
	if cap(f.slots)-len(f.slots) < slotsPerArray/4 {
		f.slots = make([]Slot, 0, slotsPerArray) // earlier days keep the old array
	}
	first := len(f.slots)
	for _, p := range today.pieces {
		end := f.end(p, today, next)
		start := p.base + (p.from-p.base+f.step-1)/f.step*f.step
		for ; start < p.to && start+f.visit <= end; start += f.step {
			if !previous.contain(start) {
				f.try(start)
			}
		}
	}
	day := Day{Date: date, Slots: f.slots[first:len(f.slots):len(f.slots)]}
	if len(day.Slots) == 0 {
		day.Slots, day.Reason = nil, f.reason(today.holiday)
	}
	return day
}

// end returns the end of the opening time that contains the piece: visits may continue in the hours of the next date.
func (f *finder) end(p piece, today, next hours) int64 {
	if last := len(today.pieces) - 1; len(next.pieces) == 0 || today.pieces[last].to < next.pieces[0].from {
		return p.to
	}
	f.whole = merge(append(append(f.whole[:0], today.pieces...), next.pieces...))
	for _, w := range f.whole {
		if w.from <= p.from && p.from < w.to {
			return w.to
		}
	}
	return p.to
}

// try adds a slot if the start is free.
func (f *finder) try(start int64) {
	f.any = true
	switch {
	case start < f.earliest:
		f.tooEarly = true
	case start < f.latest:
		f.inTime = true
		if free := f.free(start); free > 0 {
			f.slots = append(f.slots, Slot{Start: instant(start), Free: free})
		}
	}
}

func (f *finder) reason(holiday bool) Reason {
	switch {
	case holiday:
		return Holiday
	case !f.any:
		return NoAvailability
	case f.inTime:
		return FullyBooked
	case f.tooEarly:
		return LeadTime
	default:
		return BeyondHorizon
	}
}

// free returns the number of free seats.
func (f *finder) free(start int64) int {
	if f.patient.overlaps(start, start+f.visit) {
		return 0
	}
	from, to := start-f.before, start+f.visit+f.after
	if !f.doctor.overlaps(from, to) {
		return f.capacity
	}
	if f.capacity == 1 {
		return 0
	}
	session, taken := f.doctor.only(from, to)
	if taken == 0 || taken >= f.capacity || f.q.Session(instant(start)) != session {
		return 0
	}
	return f.capacity - taken
}

// ceilUnix returns the Unix time of t, rounded up. The starts of slots are whole seconds, so comparing them with
// a rounded time gives the same result as with the exact one.
func ceilUnix(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
