package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// anyDay generates days of the years first to last.
func anyDay(first, last int) *rapid.Generator[time.Time] {
	from, to := time.Date(first, time.January, 1, 0, 0, 0, 0, time.UTC), time.Date(last+1, 1, 1, 0, 0, 0, 0, time.UTC)
	days := int((to.Unix() - from.Unix()) / 86400)
	return rapid.Map(rapid.IntRange(0, days-1), func(n int) time.Time { return from.AddDate(0, 0, n) })
}

func TestDates(t *testing.T) {
	t.Run("have the text, weekday and successors of the standard library's days", rapid.MakeCheck(func(t *rapid.T) {
		day, n := anyDay(1, 9999).Draw(t, "day"), rapid.IntRange(-800, 800).Draw(t, "n")
		d := calendar.DateOf(day, time.UTC)
		require.Equal(t, day.Format(time.DateOnly), d.String())
		require.Equal(t, day.Weekday(), d.Weekday())
		require.Equal(t, calendar.DateOf(day.AddDate(0, 0, n), time.UTC), d.AddDays(n))
	}))
	t.Run("are read from their text", rapid.MakeCheck(func(t *rapid.T) {
		d := calendar.DateOf(anyDay(1900, 9998).Draw(t, "day"), time.UTC)
		require.Equal(t, d, date(t, d.String()))
	}))
	t.Run("are ordered as days are", rapid.MakeCheck(func(t *rapid.T) {
		one, other := anyDay(1, 9999).Draw(t, "one"), anyDay(1, 9999).Draw(t, "other")
		require.Equal(t, one.Before(other), calendar.DateOf(one, time.UTC) < calendar.DateOf(other, time.UTC))
	}))
	t.Run("are counted from 1970-01-01", func(t *testing.T) {
		require.Equal(t, calendar.Date(0), date(t, "1970-01-01"))
		require.Equal(t, calendar.Date(-1), date(t, "1969-12-31"))
		require.Equal(t, calendar.MinDate, date(t, "1900-01-01"))
		require.Equal(t, calendar.MaxDate, date(t, "9998-12-31"))
	})
	t.Run("of an instant are those of its zone's calendar", func(t *testing.T) {
		instant := utc(t, "2026-09-06T02:59:59Z")
		require.Equal(t, "2026-09-05", calendar.DateOf(instant, zone(t, "America/Santiago")).String())
		require.Equal(t, "2026-09-06", calendar.DateOf(instant, zone(t, "Asia/Kolkata")).String())
		require.Equal(t, "1969-12-31", calendar.DateOf(time.Unix(0, 0), zone(t, "America/Havana")).String())
	})
	t.Run("are texts in JSON", func(t *testing.T) {
		text, err := date(t, "2024-02-29").MarshalText()
		require.NoError(t, err)
		require.Equal(t, "2024-02-29", string(text))
		var d calendar.Date
		require.NoError(t, d.UnmarshalText(text))
		require.Equal(t, date(t, "2024-02-29"), d)
		require.Error(t, d.UnmarshalText([]byte("2023-02-29")))
	})
}

func TestMalformedDates(t *testing.T) {
	for _, s := range []string{
		"", "2023-02-29", "2024-13-01", "2024-2-9", "20240229", "2024-02-29T00:00:00Z", " 2024-02-29", "0000-12-32",
		"10000-01-01", "-2024-02-29", "tomorrow",
	} {
		t.Run(`rejects "`+s+`"`, func(t *testing.T) {
			_, err := calendar.ParseDate(s)
			require.EqualError(t, err, "Enter a date as YYYY-MM-DD.")
		})
	}
}

func TestDatesOutsideTheBounds(t *testing.T) {
	for _, s := range []string{"0000-12-31", "0001-01-01", "0019-11-22", "1899-12-31", "9999-01-01", "9999-12-31"} {
		t.Run("rejects "+s, func(t *testing.T) {
			got, err := calendar.ParseDate(s)
			require.EqualError(t, err, "Must be a date from 1900-01-01 to 9998-12-31.")
			require.Zero(t, got)
		})
	}
}
