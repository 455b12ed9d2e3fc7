package calendar_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// soakRounds returns how often a property of 100 random cases is checked.
func soakRounds() int {
	if os.Getenv("SOAK") == "1" {
		return 100
	}
	return 5
}

func TestSlotsEqualTheOracle(t *testing.T) {
	for range soakRounds() {
		rapid.Check(t, func(t *rapid.T) {
			s := anySituation(t)
			require.Equal(t, newOracle(s.rules, s.date, s.query).day(), s.rules.Day(s.date, s.query))
		})
	}
}

// nightAndDay has windows that change at, pass and touch midnight, and a busy time each day.
func nightAndDay(location *time.Location) calendar.Rules {
	rules := calendar.Rules{Zone: location, Step: 20, Horizon: 365}
	for weekday := time.Sunday; weekday <= time.Saturday; weekday++ {
		rules.Windows = append(rules.Windows,
			calendar.Window{Weekday: weekday, Minutes: calendar.Minutes{From: 0, To: 210}},
			calendar.Window{Weekday: weekday, Minutes: calendar.Minutes{From: 540, To: 720}},
			calendar.Window{Weekday: weekday, Minutes: calendar.Minutes{From: 1350, To: 1500}})
	}
	return rules
}

func TestSlotsNearChangesOfTheClock(t *testing.T) {
	eachZone(t, func(t *testing.T, name string, location *time.Location) {
		rules := nightAndDay(location)
		for i, d := range notableDates(t, name) {
			if i%4 > 0 && i >= len(oddDates[name]) && os.Getenv("SOAK") != "1" {
				continue // a change is notable on four dates
			}
			q := calendar.Query{Now: minuteOf(d, -3000), Length: calendar.Length{Minutes: 30, Before: 5}}
			for minute := -1440; minute < 2880; minute += 300 {
				q.Busy = append(q.Busy, calendar.Busy{From: minuteOf(d, minute), To: minuteOf(d, minute+25)})
			}
			expected := newOracle(rules, d, q).day()
			if day := rules.Day(d, q); !slices.Equal(expected.Slots, day.Slots) || expected.Reason != day.Reason {
				require.Equal(t, expected, day)
			}
		}
	})
}

func TestDaysEqualEachDay(t *testing.T) {
	t.Run("in sequence, without and with busy times", rapid.MakeCheck(func(t *rapid.T) {
		s := anySituation(t)
		from, to := s.date.AddDays(rapid.IntRange(-200, 0).Draw(t, "earlier")), s.date+3
		for day := range s.rules.Days(from, to, s.query) {
			require.Equal(t, from, day.Date)
			require.Equal(t, s.rules.Day(day.Date, s.query), day)
			require.Equal(t, day.Reason == "", len(day.Slots) > 0)
			from++
		}
		require.Equal(t, to+1, from)
	}))
	t.Run("and no start is listed twice", rapid.MakeCheck(func(t *rapid.T) {
		s := anySituation(t)
		seen := map[time.Time]calendar.Date{}
		for day := range s.rules.Days(s.date-2, s.date+2, s.query) {
			for _, slot := range day.Slots {
				require.NotContains(t, seen, slot.Start)
				seen[slot.Start] = day.Date
			}
		}
	}))
	t.Run("with a closure on any of the dates", func(t *testing.T) {
		d := date(t, wednesday)
		q := calendar.Query{Now: minuteOf(d, 0), Length: calendar.Length{Minutes: 30}}
		for closed := d; closed < d+40; closed++ {
			rules := daily(hours(20, 26))
			rules.Exceptions = []calendar.Exception{{From: closed, To: closed}}
			for day := range rules.Days(d, d+40, q) {
				require.Equal(t, rules.Day(day.Date, q), day)
			}
		}
	})
	t.Run("where a date has starts before the last of the date before", func(t *testing.T) {
		d := date(t, wednesday)
		rules := daily(hours(0, 2), calendar.Minutes{From: 1410, To: 1470}, hours(25, 26))
		q := calendar.Query{Now: minuteOf(d, 0), Length: calendar.Length{Minutes: 15}}
		q.Busy = []calendar.Busy{{From: minuteOf(d, 1470), To: minuteOf(d, 1485)}}
		for day := range rules.Days(d, d+1, q) {
			require.Equal(t, rules.Day(day.Date, q), day)
			require.NotContains(t, starts(day), "8 00:30")
		}
		require.Contains(t, starts(rules.Day(d+1, q)), "8 00:45")
	})
	t.Run("and may be stopped", func(t *testing.T) {
		rules, d := nightAndDay(time.UTC), date(t, "2026-01-05")
		for day := range rules.Days(d, d+10, calendar.Query{Now: minuteOf(d, 0)}) {
			require.Equal(t, d, day.Date)
			break
		}
	})
}

func TestBookable(t *testing.T) {
	t.Run("is every slot, and every time that the oracle allows", rapid.MakeCheck(func(t *rapid.T) {
		s := anySituation(t)
		for _, slot := range s.rules.Day(s.date, s.query).Slots {
			ok, reason := s.rules.Bookable(slot.Start, s.query)
			require.True(t, ok, reason)
		}
		o := newOracle(s.rules, s.date, s.query)
		for range 50 {
			start := minuteOf(s.date, rapid.IntRange(-840, 2*1440).Draw(t, "start"))
			owned, fits := o.bookable(start)
			if !owned {
				continue
			}
			expected := calendar.Reason("")
			switch {
			case !fits:
				expected = calendar.NoAvailability
			case o.window(start) < 0:
				expected = calendar.LeadTime
			case o.window(start) > 0:
				expected = calendar.BeyondHorizon
			}
			ok, reason := s.rules.Bookable(start, s.query)
			require.Equal(t, expected, reason, start)
			require.Equal(t, expected == "", ok)
		}
	}))
	t.Run("is no time outside the hours of any date", rapid.MakeCheck(func(t *rapid.T) {
		s := anySituation(t)
		start := minuteOf(s.date, rapid.IntRange(0, 1440).Draw(t, "start"))
		for d := s.date - 2; d <= s.date+2; d++ {
			for _, span := range s.rules.Open(d, s.query.Type) {
				if !start.Before(span.From) && start.Before(span.To) {
					return
				}
			}
		}
		ok, reason := s.rules.Bookable(start, s.query)
		require.False(t, ok)
		require.Contains(t, []calendar.Reason{calendar.NoAvailability, calendar.Holiday}, reason)
	}))
}
