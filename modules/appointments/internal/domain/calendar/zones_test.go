package calendar_test

import (
	"os"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // so that the zones exist on every machine

	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// zones contains zones with gaps at midnight, changes of half an hour and of two hours, unusual offsets, two changes a
// month apart, and none.
var zones = []string{
	"Africa/Cairo", "Africa/Casablanca", "America/Havana", "America/New_York", "America/Santiago", "America/St_Johns",
	"Antarctica/Troll", "Asia/Gaza", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Tehran", "Atlantic/Azores",
	"Australia/Lord_Howe", "Europe/Dublin", "Europe/London", "Pacific/Apia", "Pacific/Chatham", "UTC",
}

// The five years of the tests. Tehran's changes end in the first, Cairo's begin in the second.
const firstYear, years = 2022, 5

// oddDates are changes of other years: Apia skipped a date, and St. John's put the clock back over midnight.
var oddDates = map[string][]string{
	"Pacific/Apia":     {"2011-12-29", "2011-12-30", "2011-12-31"},
	"America/St_Johns": {"2010-11-06", "2010-11-07", "2010-11-08"},
}

func zone(t require.TestingT, name string) *time.Location {
	location, err := time.LoadLocation(name)
	require.NoError(t, err)
	return location
}

func date(t require.TestingT, s string) calendar.Date {
	d, err := calendar.ParseDate(s)
	require.NoError(t, err)
	return d
}

// utc reads an instant.
func utc(t require.TestingT, s string) time.Time {
	instant, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return instant.UTC()
}

// allDates returns the dates of the five years.
func allDates() (dates []calendar.Date) {
	from := calendar.DateOf(time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC)
	to := calendar.DateOf(time.Date(firstYear+years, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC)
	for d := from; d < to; d++ {
		dates = append(dates, d)
	}
	return dates
}

// notableDates returns the dates within a day of a change of the clock, and one date in sixty. With SOAK=1 these
// are all dates.
func notableDates(t require.TestingT, name string) (dates []calendar.Date) {
	for _, s := range oddDates[name] {
		dates = append(dates, date(t, s))
	}
	if os.Getenv("SOAK") == "1" {
		return append(dates, allDates()...)
	}
	location := zone(t, name)
	for _, d := range allDates() {
		noon := time.Unix(int64(d)*86400+43200, 0).In(location)
		_, before := noon.AddDate(0, 0, -2).Zone()
		_, after := noon.AddDate(0, 0, 2).Zone()
		if before != after || d%60 == 0 {
			dates = append(dates, d)
		}
	}
	return dates
}

// eachZone runs a subtest for each zone, in parallel.
func eachZone(t *testing.T, test func(t *testing.T, name string, location *time.Location)) {
	t.Helper()
	for _, name := range zones {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, name, zone(t, name))
		})
	}
}

func TestNotableDates(t *testing.T) {
	t.Run("include the changes of the clock", func(t *testing.T) {
		require.True(t, slices.Contains(notableDates(t, "America/Santiago"), date(t, "2026-09-06")))
		require.True(t, slices.Contains(notableDates(t, "Africa/Cairo"), date(t, "2026-04-24")))
		require.True(t, slices.Contains(notableDates(t, "Pacific/Apia"), date(t, "2011-12-30")))
	})
}
