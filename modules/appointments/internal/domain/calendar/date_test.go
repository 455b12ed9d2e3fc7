package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// anyDay generates days of the years 1 to 9999.
func anyDay() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.IntRange(0, 3_652_058), func(days int) time.Time {
		return time.Date(1, time.January, 1+days, 0, 0, 0, 0, time.UTC)
	})
}

func TestDates(t *testing.T) {
	t.Run("have the text, weekday and successors of the standard library's days", rapid.MakeCheck(func(t *rapid.T) {
		day, n := anyDay().Draw(t, "day"), rapid.IntRange(-800, 800).Draw(t, "n")
		d := calendar.DateOf(day, time.UTC)
		require.Equal(t, day.Format(time.DateOnly), d.String())
		require.Equal(t, d, date(t, d.String()))
		require.Equal(t, day.Weekday(), d.Weekday())
		require.Equal(t, calendar.DateOf(day.AddDate(0, 0, n), time.UTC), d.AddDays(n))
	}))
	t.Run("are ordered as days are", rapid.MakeCheck(func(t *rapid.T) {
		one, other := anyDay().Draw(t, "one"), anyDay().Draw(t, "other")
		require.Equal(t, one.Before(other), calendar.DateOf(one, time.UTC) < calendar.DateOf(other, time.UTC))
	}))
	t.Run("are counted from 1970-01-01", func(t *testing.T) {
		require.Equal(t, calendar.Date(0), date(t, "1970-01-01"))
		require.Equal(t, calendar.Date(-1), date(t, "1969-12-31"))
		require.Equal(t, calendar.MinDate, date(t, "0001-01-01"))
		require.Equal(t, calendar.MaxDate, date(t, "9999-12-31"))
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
		"", "2023-02-29", "2024-13-01", "2024-2-9", "20240229", "2024-02-29T00:00:00Z", " 2024-02-29", "0000-12-31",
		"10000-01-01", "-2024-02-29", "tomorrow",
	} {
		t.Run(`rejects "`+s+`"`, func(t *testing.T) {
			_, err := calendar.ParseDate(s)
			require.EqualError(t, err, "Enter a date as YYYY-MM-DD.")
		})
	}
}
