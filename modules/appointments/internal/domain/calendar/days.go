package calendar

import "iter"

// Day returns the slots of one date.
func (r Rules) Day(date Date, q Query) Day {
	for day := range r.Days(date, date, q) {
		return day
	}
	return Day{Date: date, Reason: NoAvailability}
}

// Days yields the slots of the dates from..to, both inclusive, in order. Computing many dates in one call is faster
// than date by date. The caller may stop early.
//
// The reason of a date without slots is, in this order: BeyondHorizon if the date is; Holiday or NoAvailability if the
// hours contain no visit; FullyBooked if there are visits between lead time and horizon; LeadTime if visits start too
// early; else BeyondHorizon, for hours that pass the last midnight.
func (r Rules) Days(from, to Date, q Query) iter.Seq[Day] {
	return func(yield func(Day) bool) {
		f := newFinder(&r, q)
		previous, today, next := f.hours(from-1, nil), f.hours(from, nil), hours{}
		for date := from; date <= to; date++ {
			next = f.hours(date+1, next.pieces)
			if !yield(f.day(date, previous, today, next)) {
				return
			}
			previous, today, next = today, next, previous
		}
	}
}
