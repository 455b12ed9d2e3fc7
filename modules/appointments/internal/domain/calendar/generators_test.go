package calendar_test

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"healthcare/modules/appointments/internal/domain/calendar"
)

var (
	checkup = uuid.MustParse("0190a5b4-0000-7000-8000-000000000001")
	surgery = uuid.MustParse("0190a5b4-0000-7000-8000-000000000002")
)

// groupSession returns the session of the group that starts at a time.
func groupSession(start time.Time) uuid.UUID {
	return uuid.NewSHA1(checkup, []byte(start.UTC().Format(time.RFC3339)))
}

// situation is a date with rules and a query.
type situation struct {
	rules calendar.Rules
	date  calendar.Date
	query calendar.Query
}

// anyDateNearChange generates dates of a zone of which most are near a change of the clock.
func anyDateNearChange(t *rapid.T) (*time.Location, calendar.Date) {
	name := rapid.SampledFrom(zones).Draw(t, "zone")
	dates := notableOf(t, name)
	return zone(t, name), rapid.SampledFrom(dates).Draw(t, "date")
}

// anyMinutes generates parts of a date. Most begin and end at full hours, so that parts often touch.
func anyMinutes(t *rapid.T, label string) calendar.Minutes {
	unit := rapid.SampledFrom([]int{60, 60, 30, 5, 1}).Draw(t, label+" unit")
	from := rapid.IntRange(0, 1439/unit).Draw(t, label+" from") * unit
	longest := rapid.SampledFrom([]int{300, 1440}).Draw(t, label+" longest")
	length := rapid.IntRange(1, longest/unit).Draw(t, label) * unit
	return calendar.Minutes{From: from, To: from + length}
}

func anyBound(t *rapid.T, d calendar.Date, label string) *calendar.Date {
	if rapid.IntRange(0, 4).Draw(t, label+" bounded") > 0 {
		return nil
	}
	bound := d.AddDays(rapid.IntRange(-2, 2).Draw(t, label))
	return &bound
}

func anyWindow(t *rapid.T, d calendar.Date) calendar.Window {
	return calendar.Window{
		Weekday:    d.AddDays(rapid.SampledFrom([]int{-1, 0, 0, 0, 0, 1}).Draw(t, "weekday")).Weekday(),
		Minutes:    anyMinutes(t, "window"),
		ValidFrom:  anyBound(t, d, "valid from"),
		ValidUntil: anyBound(t, d, "valid until"),
		Type:       rapid.SampledFrom([]uuid.UUID{uuid.Nil, uuid.Nil, uuid.Nil, checkup, surgery}).Draw(t, "type"),
	}
}

func anyException(t *rapid.T, d calendar.Date) calendar.Exception {
	from := d.AddDays(rapid.IntRange(-2, 2).Draw(t, "exception from"))
	e := calendar.Exception{
		From:     from,
		To:       from.AddDays(rapid.SampledFrom([]int{0, 0, 0, 1, 3}).Draw(t, "exception days")),
		Hours:    rapid.IntRange(0, 2).Draw(t, "hours") == 0,
		Practice: rapid.Bool().Draw(t, "practice"),
	}
	if rapid.IntRange(0, 2).Draw(t, "all day") > 0 {
		part := anyMinutes(t, "exception")
		e.Minutes = &part
	}
	return e
}

// anyBusy generates busy times around a date. Some touch, some overlap.
func anyBusy(t *rapid.T, d calendar.Date, label string, most int) []calendar.Busy {
	busy := make([]calendar.Busy, rapid.IntRange(0, most).Draw(t, label))
	unit := rapid.SampledFrom([]time.Duration{15 * time.Minute, 5 * time.Minute, time.Second}).Draw(t, label+" unit")
	for i := range busy {
		from := minuteOf(d, rapid.IntRange(-48, 120).Draw(t, label+" from")*30).UTC()
		length := time.Duration(rapid.IntRange(1, int(4*time.Hour/unit)).Draw(t, label+" length")) * unit
		if rapid.IntRange(0, 9).Draw(t, label+" odd") == 0 {
			from = from.Add(time.Duration(rapid.IntRange(1, 999).Draw(t, label+" ms")) * time.Millisecond)
		}
		busy[i] = calendar.Busy{From: from, To: from.Add(length), Session: uuid.UUID{15: byte(i + 1)}}
	}
	return busy
}

// anySeats generates the appointments of a group that starts with a slot, and sometimes one that touches the group.
func anySeats(t *rapid.T, s situation) (seats []calendar.Busy) {
	slots := s.rules.Day(s.date, s.query).Slots
	if len(slots) == 0 {
		return nil
	}
	start, l := rapid.SampledFrom(slots).Draw(t, "group").Start, s.query.Length
	seat := calendar.Busy{
		From:    start.Add(-time.Duration(l.Before) * time.Minute),
		To:      start.Add(time.Duration(l.Minutes+l.After) * time.Minute),
		Session: groupSession(start),
	}
	for range rapid.IntRange(1, 3).Draw(t, "taken") {
		seats = append(seats, seat)
	}
	switch rapid.IntRange(0, 3).Draw(t, "neighbour") {
	case 0:
		seats = append(seats, calendar.Busy{From: seat.To, To: seat.To.Add(time.Minute)})
	case 1:
		seats = append(seats, calendar.Busy{From: seat.From.Add(-time.Minute), To: seat.From})
	}
	return seats
}

func sortBusy(busy []calendar.Busy) {
	slices.SortStableFunc(busy, func(a, b calendar.Busy) int { return a.From.Compare(b.From) })
}

func anySituation(t *rapid.T) situation {
	location, d := anyDateNearChange(t)
	s := situation{date: d, rules: calendar.Rules{
		Zone:    location,
		Step:    rapid.SampledFrom([]int{5, 7, 15, 15, 30, 60, 240}).Draw(t, "step"),
		Lead:    rapid.SampledFrom([]int{0, 0, 0, 1, 600, 1440}).Draw(t, "lead"),
		Horizon: rapid.SampledFrom([]int{1, 2, 3, 365, 365}).Draw(t, "horizon"),
	}}
	for range rapid.SampledFrom([]int{0, 1, 2, 2, 3, 4, 6}).Draw(t, "windows") {
		s.rules.Windows = append(s.rules.Windows, anyWindow(t, d))
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 2, 3}).Draw(t, "exceptions") {
		s.rules.Exceptions = append(s.rules.Exceptions, anyException(t, d))
	}
	s.query = calendar.Query{
		Now:  minuteOf(d, rapid.IntRange(-4000, 600).Draw(t, "now")),
		Type: checkup,
		Length: calendar.Length{
			Minutes: rapid.SampledFrom([]int{5, 20, 30, 30, 60, 480}).Draw(t, "minutes"),
			Before:  rapid.SampledFrom([]int{0, 0, 5, 30}).Draw(t, "before"),
			After:   rapid.SampledFrom([]int{0, 0, 10, 120}).Draw(t, "after"),
		},
		Capacity: rapid.SampledFrom([]int{0, 1, 2, 3, 3}).Draw(t, "capacity"),
		Session:  groupSession,
	}
	s.query.Busy = append(anySeats(t, s), anyBusy(t, d, "busy", 8)...)
	sortBusy(s.query.Busy)
	if rapid.Bool().Draw(t, "for a patient") {
		s.query.PatientBusy = anyBusy(t, d, "patient", 3)
		sortBusy(s.query.PatientBusy)
	}
	if rapid.IntRange(0, 4).Draw(t, "odd now") == 0 {
		s.query.Now = s.query.Now.Add(time.Millisecond)
	}
	return s
}

// notableByZone caches notableDates, because rapid draws a zone thousands of times.
var notableByZone = map[string][]calendar.Date{}

func notableOf(t *rapid.T, name string) []calendar.Date {
	if _, ok := notableByZone[name]; !ok {
		notableByZone[name] = notableDates(t, name)
	}
	return notableByZone[name]
}
