package calendar_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// The examples are around Wednesday, 2026-01-07, in UTC.
const wednesday = "2026-01-07"

// hours returns a part of a date in hours.
func hours(from, to int) calendar.Minutes {
	return calendar.Minutes{From: from * 60, To: to * 60}
}

// daily returns rules in UTC with the same windows on every weekday.
func daily(parts ...calendar.Minutes) calendar.Rules {
	rules := calendar.Rules{Zone: time.UTC, Step: 15, Horizon: 365}
	for weekday := time.Sunday; weekday <= time.Saturday; weekday++ {
		for _, part := range parts {
			rules.Windows = append(rules.Windows, calendar.Window{Weekday: weekday, Minutes: part})
		}
	}
	return rules
}

// texts returns spans as day and time.
func texts(spans []calendar.Span) (texts []string) {
	for _, s := range spans {
		texts = append(texts, s.From.Format("2 15:04")+" - "+s.To.Format("2 15:04"))
	}
	return texts
}

func TestOpen(t *testing.T) {
	d := date(t, wednesday)
	part := func(from, to int) *calendar.Minutes { m := hours(from, to); return &m }
	on := func(d calendar.Date, e calendar.Exception) calendar.Exception { e.From, e.To = d, d; return e }
	for _, c := range []struct {
		name       string
		windows    []calendar.Minutes
		exceptions []calendar.Exception
		open       []string
	}{
		{"unites windows that touch or overlap",
			[]calendar.Minutes{hours(12, 14), hours(8, 12), hours(9, 10), hours(15, 16)},
			nil, []string{"7 08:00 - 7 14:00", "7 15:00 - 7 16:00"}},
		{"includes the hours after midnight", []calendar.Minutes{hours(20, 26)},
			nil, []string{"7 20:00 - 8 02:00"}},
		{"is empty on a holiday", []calendar.Minutes{hours(8, 12)},
			[]calendar.Exception{on(d, calendar.Exception{Practice: true})}, nil},
		{"keeps the hours that began before a holiday", []calendar.Minutes{hours(20, 26)},
			[]calendar.Exception{on(d+1, calendar.Exception{Practice: true})}, []string{"7 20:00 - 8 02:00"}},
		{"ends at the doctor's free date", []calendar.Minutes{hours(20, 26)},
			[]calendar.Exception{on(d+1, calendar.Exception{})}, []string{"7 20:00 - 8 00:00"}},
		{"is empty on the doctor's free date, also after midnight", []calendar.Minutes{hours(20, 26)},
			[]calendar.Exception{on(d, calendar.Exception{})}, nil},
		{"excludes a part that is closed", []calendar.Minutes{hours(8, 16)},
			[]calendar.Exception{on(d, calendar.Exception{Minutes: part(12, 13)})},
			[]string{"7 08:00 - 7 12:00", "7 13:00 - 7 16:00"}},
		{"excludes a part that is closed from all windows",
			[]calendar.Minutes{hours(8, 9), hours(10, 11), hours(11, 13), hours(14, 16)},
			[]calendar.Exception{on(d, calendar.Exception{Minutes: part(8, 15)})}, []string{"7 15:00 - 7 16:00"}},
		{"excludes a part that closes after midnight", []calendar.Minutes{hours(20, 26)},
			[]calendar.Exception{on(d+1, calendar.Exception{Minutes: part(1, 9)})}, []string{"7 20:00 - 8 01:00"}},
		{"excludes a part that began to close the day before", []calendar.Minutes{hours(1, 9)},
			[]calendar.Exception{on(d-1, calendar.Exception{Minutes: part(23, 26)})}, []string{"7 02:00 - 7 09:00"}},
		{"excludes an afternoon that the practice closes", []calendar.Minutes{hours(8, 16)},
			[]calendar.Exception{on(d, calendar.Exception{Minutes: part(12, 24), Practice: true})},
			[]string{"7 08:00 - 7 12:00"}},
		{"is replaced by hours", []calendar.Minutes{hours(8, 16)},
			[]calendar.Exception{on(d, calendar.Exception{Hours: true, Minutes: part(10, 11)})},
			[]string{"7 10:00 - 7 11:00"}},
		{"is replaced by hours on a holiday", []calendar.Minutes{hours(8, 16)},
			[]calendar.Exception{
				on(d, calendar.Exception{Hours: true, Minutes: part(10, 11)}),
				on(d, calendar.Exception{Practice: true}),
				on(d, calendar.Exception{Practice: true, Minutes: part(0, 24)}),
			}, []string{"7 10:00 - 7 11:00"}},
		{"excludes the doctor's closures from hours", []calendar.Minutes{hours(8, 16)},
			[]calendar.Exception{
				on(d, calendar.Exception{Hours: true, Minutes: part(10, 12)}),
				on(d, calendar.Exception{Minutes: part(11, 13)}),
			}, []string{"7 10:00 - 7 11:00"}},
		{"is replaced by the doctor's hours rather than by those of the practice", []calendar.Minutes{hours(8, 16)},
			[]calendar.Exception{
				on(d, calendar.Exception{Hours: true, Minutes: part(9, 12), Practice: true}),
				on(d, calendar.Exception{Hours: true, Minutes: part(10, 11)}),
			}, []string{"7 10:00 - 7 11:00"}},
		{"lasts all day if hours have no minutes", nil,
			[]calendar.Exception{on(d, calendar.Exception{Hours: true})}, []string{"7 00:00 - 8 00:00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := daily(c.windows...)
			rules.Exceptions = c.exceptions
			require.Equal(t, c.open, texts(rules.Open(d, checkup)))
		})
	}
	t.Run("excludes windows of other types, weekdays and dates", func(t *testing.T) {
		before, after := d-1, d+1
		rules := calendar.Rules{Zone: time.UTC, Windows: []calendar.Window{
			{Weekday: time.Wednesday, Minutes: hours(0, 1), Type: surgery},
			{Weekday: time.Thursday, Minutes: hours(2, 3)},
			{Weekday: time.Wednesday, Minutes: hours(4, 5), ValidFrom: &after},
			{Weekday: time.Wednesday, Minutes: hours(6, 7), ValidUntil: &before},
			{Weekday: time.Wednesday, Minutes: hours(8, 9), ValidFrom: &d, ValidUntil: &d, Type: checkup},
		}}
		require.Equal(t, []string{"7 08:00 - 7 09:00"}, texts(rules.Open(d, checkup)))
		require.Equal(t, []string{"7 00:00 - 7 01:00"}, texts(rules.Open(d, surgery)))
		require.Empty(t, rules.Open(d, uuid.Nil))
	})
	t.Run("has no time that the clock skips", func(t *testing.T) {
		rules := daily(hours(2, 3), calendar.Minutes{From: 90, To: 150})
		rules.Zone = zone(t, "America/New_York")
		require.Equal(t, []string{"8 06:30 - 8 07:00"}, texts(rules.Open(date(t, "2026-03-08"), checkup)))
	})
}
