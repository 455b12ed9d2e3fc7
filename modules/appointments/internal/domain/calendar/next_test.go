package calendar_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// noBusy is a Load of a calendar without appointments.
func noBusy(calendar.Span) (doctor, patient []calendar.Busy, err error) { return nil, nil, nil }

func TestNextFree(t *testing.T) {
	d := date(t, wednesday)
	q := calendar.Query{Now: minuteOf(d, 0), Length: calendar.Length{Minutes: 60}}
	t.Run("returns the first starts of slots at or after the time", rapid.MakeCheck(func(t *rapid.T) {
		s := anySituation(t)
		after, n := minuteOf(s.date, rapid.IntRange(-3000, 1440).Draw(t, "after")), rapid.IntRange(1, 30).Draw(t, "n")
		days := rapid.IntRange(0, 20).Draw(t, "days")
		doctor, patient := s.query.Busy, s.query.PatientBusy
		load := func(reach calendar.Span) (_, _ []calendar.Busy, _ error) {
			return overlap(doctor, reach.From, reach.To), overlap(patient, reach.From, reach.To), nil
		}

		var expected []time.Time
		earliest := s.query.Now.Add(time.Duration(s.rules.Lead) * time.Minute)
		first := max(calendar.DateOf(after, s.rules.Zone), calendar.DateOf(earliest, s.rules.Zone))
		for day := range s.rules.Days(first-2, first.AddDays(days), s.query) {
			for _, slot := range day.Slots {
				if !slot.Start.Before(after) && len(expected) < n {
					expected = append(expected, slot.Start)
				}
			}
		}
		s.query.Busy, s.query.PatientBusy = nil, nil
		next, err := s.rules.NextFree(after, days, n, s.query, load)
		require.NoError(t, err)
		require.Equal(t, expected, next)
	}))
	t.Run("loads a week at a time, until it has found enough", func(t *testing.T) {
		rules := calendar.Rules{Zone: time.UTC, Step: 15, Horizon: 365, Windows: []calendar.Window{
			{Weekday: time.Wednesday, Minutes: hours(9, 10)}}}
		var loads []calendar.Span
		load := func(reach calendar.Span) (doctor, patient []calendar.Busy, err error) {
			loads = append(loads, reach)
			return nil, nil, nil
		}
		next, err := rules.NextFree(q.Now, 100, 2, q, load)
		require.NoError(t, err)
		require.Equal(t, []time.Time{utc(t, "2026-01-07T09:00:00Z"), utc(t, "2026-01-14T09:00:00Z")}, next)
		require.Equal(t, []string{"6 00:00 - 13 01:00", "13 00:00 - 20 01:00"}, texts(loads))
	})
	t.Run("loads nothing beyond the horizon", func(t *testing.T) {
		rules := daily()
		rules.Horizon = 20
		loads := 0
		next, err := rules.NextFree(q.Now, 700, 2, q, func(calendar.Span) (doctor, patient []calendar.Busy, err error) {
			loads++
			return nil, nil, nil
		})
		require.NoError(t, err)
		require.Empty(t, next)
		require.Equal(t, 4, loads) // 22 dates, yesterday included
	})
	t.Run("begins at the lead time", func(t *testing.T) {
		rules := daily(hours(9, 10))
		rules.Lead = 100 * 1440
		next, err := rules.NextFree(q.Now, 1, 1, q, noBusy)
		require.NoError(t, err)
		require.Equal(t, []time.Time{minuteOf(d+100, 540).UTC()}, next)
	})
	t.Run("returns the error of load", func(t *testing.T) {
		broken := errors.New("no database")
		_, err := daily(hours(9, 10)).NextFree(q.Now, 7, 1, q,
			func(calendar.Span) (doctor, patient []calendar.Busy, err error) { return nil, nil, broken })
		require.ErrorIs(t, err, broken)
	})
}

func TestReach(t *testing.T) {
	t.Run("includes the blocks of all slots", rapid.MakeCheck(func(t *rapid.T) {
		s := anySituation(t)
		l := s.query.Length
		reach := s.rules.Reach(s.date-1, s.date+1, l)
		for day := range s.rules.Days(s.date-1, s.date+1, s.query) {
			for _, slot := range day.Slots {
				require.False(t, slot.Start.Add(-time.Duration(l.Before)*time.Minute).Before(reach.From))
				require.False(t, slot.Start.Add(time.Duration(l.Minutes+l.After)*time.Minute).After(reach.To))
			}
		}
	}))
	t.Run("is no longer than the last hours and their buffers", func(t *testing.T) {
		d := date(t, wednesday)
		l := calendar.Length{Minutes: 30, Before: 10, After: 20}
		require.Equal(t, []string{"6 23:50 - 9 00:50"}, texts([]calendar.Span{daily(hours(9, 10)).Reach(d, d+1, l)}))
		require.Equal(t, []string{"6 23:50 - 9 02:50"}, texts([]calendar.Span{daily(hours(9, 26)).Reach(d, d+1, l)}))
		rules := daily()
		rules.Exceptions = []calendar.Exception{
			{From: d, To: d, Hours: true, Minutes: &calendar.Minutes{From: 0, To: 1500}},
		}
		require.Equal(t, []string{"6 23:50 - 9 01:50"}, texts([]calendar.Span{rules.Reach(d, d+1, l)}))
	})
}
