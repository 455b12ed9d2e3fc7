package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/appointments/internal/domain/calendar"
)

func TestAtChangesOfTheClock(t *testing.T) {
	for _, c := range []struct {
		name, zone, date string
		minute           int
		instant          string
	}{
		{"gap at midnight", "America/Santiago", "2026-09-06", 0, "2026-09-06T04:00:00Z"},
		{"inside a gap at midnight", "America/Havana", "2026-03-08", 30, "2026-03-08T05:00:00Z"},
		{"inside a gap at midnight", "Atlantic/Azores", "2026-03-29", 30, "2026-03-29T01:00:00Z"},
		{"inside a gap at midnight", "Africa/Cairo", "2026-04-24", 30, "2026-04-23T22:00:00Z"},
		{"begin of a gap", "America/New_York", "2026-03-08", 120, "2026-03-08T07:00:00Z"},
		{"inside a gap", "America/New_York", "2026-03-08", 150, "2026-03-08T07:00:00Z"},
		{"end of a gap", "America/New_York", "2026-03-08", 180, "2026-03-08T07:00:00Z"},
		{"after a gap", "America/New_York", "2026-03-08", 181, "2026-03-08T07:01:00Z"},
		{"gap of half an hour", "Australia/Lord_Howe", "2026-10-04", 135, "2026-10-03T15:30:00Z"},
		{"gap of two hours", "Antarctica/Troll", "2026-03-29", 179, "2026-03-29T01:00:00Z"},
		{"skipped date", "Pacific/Apia", "2011-12-30", 720, "2011-12-30T10:00:00Z"},
		{"after a skipped date", "Pacific/Apia", "2011-12-31", 60, "2011-12-30T11:00:00Z"},
		{"repeated time", "America/New_York", "2026-11-01", 90, "2026-11-01T05:30:00Z"},
		{"end of a repeated time", "America/New_York", "2026-11-01", 120, "2026-11-01T07:00:00Z"},
		{"repeated hour before midnight", "America/Santiago", "2026-04-04", 1410, "2026-04-05T02:30:00Z"},
		{"midnight after a repeated hour", "America/Santiago", "2026-04-05", 0, "2026-04-05T04:00:00Z"},
		{"repeated half hour", "Australia/Lord_Howe", "2026-04-05", 105, "2026-04-04T14:45:00Z"},
		{"clock put back over midnight", "America/St_Johns", "2010-11-07", 0, "2010-11-07T02:30:00Z"},
		{"second minute of a date that is left again", "America/St_Johns", "2010-11-07", 1, "2010-11-07T03:31:00Z"},
		{"odd offset", "Asia/Kathmandu", "2026-01-01", 0, "2025-12-31T18:15:00Z"},
		{"next date", "Europe/London", "2026-03-28", 1440 + 90, "2026-03-29T01:00:00Z"},
	} {
		t.Run(c.name+" in "+c.zone, func(t *testing.T) {
			at := calendar.At(zone(t, c.zone), date(t, c.date), c.minute)
			require.Equal(t, c.instant, at.Format(time.RFC3339))
		})
	}
}

// TestAtEveryMinute compares At with a clock that is read at every minute.
func TestAtEveryMinute(t *testing.T) {
	eachZone(t, func(t *testing.T, name string, location *time.Location) {
		for _, d := range notableDates(t, name) {
			// The first instant at which the clock shows a time, and the instant at which it jumps over it.
			shown, jumped := map[int64]time.Time{}, map[int64]time.Time{}
			previous := wallMinute(minuteOf(d, -1500), location)
			for minute := -1499; minute < 2900; minute++ {
				now := minuteOf(d, minute)
				wall := wallMinute(now, location)
				if _, again := shown[wall]; !again {
					shown[wall] = now
				}
				for missing := previous + 1; missing < wall; missing++ {
					jumped[missing] = now
				}
				previous = wall
			}
			for minute := range 1440 {
				wall := int64(d)*1440 + int64(minute)
				expected, ok := shown[wall]
				if !ok {
					expected = jumped[wall]
				}
				if at := calendar.At(location, d, minute); !at.Equal(expected) {
					t.Fatalf("%v %02d:%02d: %v instead of %v", d, minute/60, minute%60, at, expected)
				}
			}
		}
	})
}

// minuteOf returns the instant minute minutes after 00:00 of the date in UTC.
func minuteOf(d calendar.Date, minute int) time.Time {
	return time.Unix(int64(d)*86400+int64(minute)*60, 0)
}

// wallMinute returns the minute that the clock of the zone shows, counted from 1970-01-01 00:00 of the same clock.
func wallMinute(instant time.Time, location *time.Location) int64 {
	local := instant.In(location)
	year, month, day := local.Date()
	return time.Date(year, month, day, local.Hour(), local.Minute(), 0, 0, time.UTC).Unix() / 60
}

func TestAtNeverGoesBack(t *testing.T) {
	t.Run("for a later minute or date of any zone", rapid.MakeCheck(func(t *rapid.T) {
		location := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		d := calendar.Date(rapid.Int32Range(-40_000, 60_000).Draw(t, "date"))
		minute, later := rapid.IntRange(0, 2880).Draw(t, "minute"), rapid.IntRange(0, 2880).Draw(t, "later")
		require.False(t, calendar.At(location, d, minute+later).Before(calendar.At(location, d, minute)))
		require.Equal(t, calendar.At(location, d+1, minute), calendar.At(location, d, minute+1440))
	}))
	t.Run("in five years of all zones", func(t *testing.T) {
		eachZone(t, func(t *testing.T, name string, location *time.Location) {
			last := time.Time{}
			for _, d := range notableDates(t, name)[len(oddDates[name]):] {
				for minute := 0; minute < 1440; minute += 5 {
					at := calendar.At(location, d, minute)
					if at.Before(last) {
						t.Fatalf("%v %02d:%02d: %v after %v", d, minute/60, minute%60, at, last)
					}
					last = at
				}
			}
		})
	})
}

// TestWorkingDays checks the dates on which time.Date or a cursor of AddDate fail.
func TestWorkingDays(t *testing.T) {
	eachZone(t, func(t *testing.T, name string, location *time.Location) {
		for _, d := range allDates() {
			from, to := calendar.At(location, d, 9*60), calendar.At(location, d, 17*60)
			require.Equal(t, 8*time.Hour, to.Sub(from), d)
			require.Equal(t, d.String()+" 09:00", from.In(location).Format("2006-01-02 15:04"))
			require.Equal(t, d.String()+" 17:00", to.In(location).Format("2006-01-02 15:04"))
			day := calendar.At(location, d+1, 0).Sub(calendar.At(location, d, 0))
			require.True(t, 22*time.Hour <= day && day <= 26*time.Hour, "%v lasts %v", d, day)
		}
	})
}
