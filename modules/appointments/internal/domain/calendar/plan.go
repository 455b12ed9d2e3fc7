package calendar

// daysNear is the number of dates for which exceptions are selected at once. Most years have few.
const daysNear = 16

// near returns the exceptions that affect hours of the date, and maybe others.
func (p *planner) near(date Date) []Exception {
	if date < p.nearFrom || p.nearTo < date {
		p.nearFrom, p.nearTo = date, date+daysNear
		p.exceptions = p.exceptions[:0]
		for _, e := range p.rules.Exceptions {
			if e.From <= p.nearTo+1 && p.nearFrom-1 <= e.To {
				p.exceptions = append(p.exceptions, e)
			}
		}
	}
	return p.exceptions
}

// plan summarizes the exceptions of a date.
type plan struct {
	ownHours, practiceHours bool
	holiday                 bool // the practice closes all day
	closed                  bool // the doctor closes all day
}

// replaced reports whether hours by exception replace the weekly windows and the closures by the practice.
func (p plan) replaced() bool { return p.ownHours || p.practiceHours }

func newPlan(exceptions []Exception, date Date) (p plan) {
	for i := range exceptions {
		e := &exceptions[i]
		if !e.covers(date) {
			continue
		}
		switch {
		case e.Hours && e.Practice:
			p.practiceHours = true
		case e.Hours:
			p.ownHours = true
		case e.Minutes != nil: // taken off later
		case e.Practice:
			p.holiday = true
		default:
			p.closed = true
		}
	}
	return p
}

func (e *Exception) covers(date Date) bool { return e.From <= date && date <= e.To }

func (e *Exception) part() Minutes {
	if e.Minutes == nil {
		return Minutes{From: 0, To: minutesPerDay}
	}
	return *e.Minutes
}
