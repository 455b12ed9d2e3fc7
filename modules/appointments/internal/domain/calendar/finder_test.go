package calendar_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// starts returns the starts of a day as texts.
func starts(day calendar.Day) (starts []string) {
	for _, slot := range day.Slots {
		starts = append(starts, slot.Start.Format("2 15:04"))
	}
	return starts
}

// between returns a busy time of an appointment of its own.
func between(t *testing.T, from, to string) calendar.Busy {
	return calendar.Busy{
		From: utc(t, wednesday+"T"+from+":00Z"), To: utc(t, wednesday+"T"+to+":00Z"), Session: uuid.New(),
	}
}

func TestDay(t *testing.T) {
	d := date(t, wednesday)
	early := calendar.Query{Now: minuteOf(d, -5000), Type: checkup, Length: calendar.Length{Minutes: 30}}
	t.Run("has slots whose visits are inside the hours, at steps from their begin", func(t *testing.T) {
		rules := daily(calendar.Minutes{From: 545, To: 605})
		day := rules.Day(d, early)
		require.Equal(t, []string{"7 09:05", "7 09:20", "7 09:35"}, starts(day))
		require.Equal(t, calendar.Slot{Start: utc(t, "2026-01-07T09:05:00Z"), Free: 1}, day.Slots[0])
	})
	t.Run("keeps the steps after a closure", func(t *testing.T) {
		rules := daily(hours(9, 12))
		rules.Exceptions = []calendar.Exception{{From: d, To: d, Minutes: &calendar.Minutes{From: 560, To: 670}}}
		require.Equal(t, []string{"7 11:15", "7 11:30"}, starts(rules.Day(d, early)))
	})
	t.Run("has no slots that overlap blocks, but those that touch them", func(t *testing.T) {
		q := early
		q.Busy = []calendar.Busy{between(t, "09:30", "10:00"), between(t, "10:31", "11:00")}
		rules := daily(calendar.Minutes{From: 540, To: 661})
		require.Equal(t, []string{"7 09:00", "7 10:00"}, starts(rules.Day(d, q)))
	})
	t.Run("compares blocks with buffers and a patient's visits without", func(t *testing.T) {
		q := early
		q.Length.Before, q.Length.After = 10, 20
		q.Busy = []calendar.Busy{between(t, "08:00", "08:50"), between(t, "10:05", "10:06")}
		rules := daily(hours(9, 11))
		require.Equal(t, []string{"7 09:00", "7 09:15", "7 10:30"}, starts(rules.Day(d, q)))
		q.PatientBusy = []calendar.Busy{between(t, "09:30", "09:40")}
		require.Equal(t, []string{"7 09:00", "7 10:30"}, starts(rules.Day(d, q)))
	})
	t.Run("has the free seats of groups", func(t *testing.T) {
		q := early
		q.Capacity, q.Session = 3, groupSession
		seat := between(t, "09:00", "09:30")
		seat.Session = groupSession(seat.From)
		q.Busy = []calendar.Busy{seat, seat}
		free := func() (free []int) {
			for _, slot := range daily(hours(9, 10)).Day(d, q).Slots {
				free = append(free, slot.Free)
			}
			return free
		}
		require.Equal(t, []int{1, 3}, free()) // 09:00 and 09:30; 09:15 overlaps the group
		q.Busy = append(q.Busy, seat)
		require.Equal(t, []int{3}, free())
		long := seat
		long.From = utc(t, wednesday+"T08:30:00Z")
		q.Busy = []calendar.Busy{long, between(t, "08:40", "09:00")}
		require.Equal(t, []int{2, 3}, free()) // the buffer was longer when the group was booked
		q.Busy = []calendar.Busy{seat, between(t, "09:05", "09:06")}
		require.Equal(t, []int{3}, free()) // an appointment was booked over the group
	})
	t.Run("lists a start after midnight on the date on which its hours begin", func(t *testing.T) {
		rules := daily(hours(23, 25), hours(0, 2))
		require.Equal(t, []string{
			"7 01:00", "7 01:15", "7 01:30",
			"7 23:00", "7 23:15", "7 23:30", "7 23:45", "8 00:00", "8 00:15", "8 00:30", "8 00:45",
		}, starts(rules.Day(d, early)))
	})
	t.Run("lets visits continue in the hours of the next date", func(t *testing.T) {
		require.Len(t, daily(hours(0, 24)).Day(d, early).Slots, 96)
		require.Len(t, daily(calendar.Minutes{From: 1, To: 1440}).Day(d, early).Slots, 94)
	})
}

func TestReasons(t *testing.T) {
	d := date(t, wednesday)
	rules := daily(hours(9, 10))
	rules.Horizon = 10
	holiday := rules
	holiday.Exceptions = []calendar.Exception{{From: d, To: d, Practice: true}, {From: d, To: d}}
	away := rules
	away.Exceptions = []calendar.Exception{{From: d, To: d}}
	lead := rules
	lead.Lead = 120
	night := daily(hours(23, 26))
	night.Horizon = 0
	busy := []calendar.Busy{between(t, "09:30", "12:00")}
	for _, c := range []struct {
		name   string
		rules  calendar.Rules
		now    string
		length int
		busy   []calendar.Busy
		reason calendar.Reason
	}{
		{"a day with slots has none", rules, "2026-01-06T12:00:00Z", 60, nil, ""},
		{"the last date before the horizon has none", rules, "2025-12-28T23:59:00Z", 60, nil, ""},
		{"beyond the horizon", rules, "2025-12-27T23:59:00Z", 60, nil, calendar.BeyondHorizon},
		{"the horizon before a holiday", holiday, "2025-12-27T00:00:00Z", 60, nil, calendar.BeyondHorizon},
		{"a holiday before the doctor's free date", holiday, "2026-01-07T12:00:00Z", 60, busy, calendar.Holiday},
		{"the doctor's free date", away, "2026-01-07T12:00:00Z", 60, busy, calendar.NoAvailability},
		{"visits longer than the hours", rules, "2026-01-06T12:00:00Z", 61, nil, calendar.NoAvailability},
		{"busy", rules, "2026-01-06T12:00:00Z", 60, busy, calendar.FullyBooked},
		{"partly too early and otherwise busy", rules, "2026-01-07T09:01:00Z", 30, busy, calendar.FullyBooked},
		{"in the past", rules, "2026-01-07T09:00:00.001Z", 60, nil, calendar.LeadTime},
		{"now", rules, "2026-01-07T09:00:00Z", 60, nil, ""},
		{"too early, also if busy", lead, "2026-01-07T07:01:00Z", 60, busy, calendar.LeadTime},
		{"exactly the lead time", lead, "2026-01-07T07:00:00Z", 60, nil, ""},
		{"hours with a rest beyond the horizon", night, "2026-01-07T01:00:00Z", 60, []calendar.Busy{
			between(t, "22:00", "23:59")}, calendar.FullyBooked},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := calendar.Query{Now: utc(t, c.now), Length: calendar.Length{Minutes: c.length}, Busy: c.busy}
			require.Equal(t, c.reason, c.rules.Day(d, q).Reason)
		})
	}
}

func TestRefusals(t *testing.T) {
	d := date(t, wednesday)
	rules := daily(hours(9, 12))
	rules.Lead, rules.Horizon = 60, 1
	rules.Exceptions = []calendar.Exception{{From: d + 3, To: d + 3, Practice: true}}
	length := calendar.Length{Minutes: 30, Before: 60, After: 60}
	q := calendar.Query{Now: utc(t, wednesday+"T09:00:00Z"), Length: length}
	for _, c := range []struct {
		start  string
		reason calendar.Reason
	}{
		{"2026-01-07T10:00:00Z", ""},
		{"2026-01-07T10:01:00Z", ""},
		{"2026-01-07T11:30:00Z", ""},
		{"2026-01-07T11:30:00.5Z", calendar.NoAvailability},
		{"2026-01-07T11:31:00Z", calendar.NoAvailability},
		{"2026-01-07T12:00:00Z", calendar.NoAvailability},
		{"2026-01-07T08:59:00Z", calendar.NoAvailability},
		{"2026-01-07T09:59:59.9Z", calendar.LeadTime},
		{"2026-01-08T09:00:00Z", ""},
		{"2026-01-09T09:00:00Z", calendar.BeyondHorizon},
		{"2026-01-10T09:00:00Z", calendar.Holiday},
	} {
		t.Run(c.start+" "+string(c.reason), func(t *testing.T) {
			ok, reason := rules.Bookable(utc(t, c.start), q)
			require.Equal(t, c.reason, reason)
			require.Equal(t, c.reason == "", ok)
		})
	}
}

func TestBookableAroundMidnight(t *testing.T) {
	l := calendar.Length{Minutes: 30}
	t.Run("in hours that began the day before", func(t *testing.T) {
		ok, reason := daily(hours(23, 26)).Bookable(utc(t, "2026-01-07T01:30:00Z"), calendar.Query{
			Now: utc(t, "2026-01-06T12:00:00Z"), Length: l})
		require.True(t, ok, reason)
	})
	t.Run("in hours of the day after, when the clock is put back over midnight", func(t *testing.T) {
		rules := daily(hours(0, 8))
		rules.Zone = zone(t, "America/St_Johns")
		start := utc(t, "2010-11-07T03:00:00Z")
		require.Equal(t, "2010-11-06 23:30", start.In(rules.Zone).Format("2006-01-02 15:04"))
		ok, reason := rules.Bookable(start, calendar.Query{Now: utc(t, "2010-11-06T12:00:00Z"), Length: l})
		require.True(t, ok, reason)
	})
}

func TestOrderOfRulesHasNoEffect(t *testing.T) {
	rules := nightAndDay(zone(t, "America/Santiago"))
	d := date(t, "2026-09-06")
	q := calendar.Query{Now: minuteOf(d, -3000), Length: calendar.Length{Minutes: 30}}
	expected := rules.Day(d, q)
	rules.Windows = slices.Clone(rules.Windows)
	slices.Reverse(rules.Windows)
	require.Equal(t, expected, rules.Day(d, q))
	require.Greater(t, len(expected.Slots), 5)
	require.Less(t, expected.Slots[0].Start.Sub(calendar.At(rules.Zone, d, 0)), 2*time.Hour)
}
