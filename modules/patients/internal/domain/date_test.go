package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/patients/internal/domain"
)

func date(t require.TestingT, s string) domain.Date {
	d, err := domain.ParseDate(s)
	require.NoError(t, err)
	return d
}

// anyDate generates days of the years 1 to 9999.
func anyDate() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.IntRange(0, 3_652_058), func(days int) time.Time {
		return time.Date(1, time.January, 1+days, 0, 0, 0, 0, time.UTC)
	})
}

func TestDateRoundTrips(t *testing.T) {
	t.Run("through text, and through both engines' column values", rapid.MakeCheck(func(t *rapid.T) {
		day := anyDate().Draw(t, "day")
		d := domain.DateOf(day)
		require.Equal(t, day.Format(time.DateOnly), d.String())
		require.Equal(t, d, date(t, d.String()))

		stored, err := d.Value()
		require.NoError(t, err)
		var fromText, fromTime domain.Date
		require.NoError(t, fromText.Scan(stored))
		require.NoError(t, fromTime.Scan(day))
		require.Equal(t, d, fromText)
		require.Equal(t, d, fromTime)
	}))
	t.Run("the zero date is empty text and NULL", func(t *testing.T) {
		var none domain.Date
		require.Empty(t, none.String())
		stored, err := none.Value()
		require.NoError(t, err)
		require.Nil(t, stored)

		some := date(t, "2024-02-29")
		require.NoError(t, some.Scan(nil))
		require.Equal(t, none, some)
	})
	t.Run("an instant's date is its date in UTC", func(t *testing.T) {
		east := time.FixedZone("east", 14*60*60)
		require.Equal(t, "2026-11-21", domain.DateOf(time.Date(2026, time.November, 22, 13, 59, 59, 0, east)).String())
	})
}

func TestMalformedDates(t *testing.T) {
	for _, s := range []string{
		"", "2023-02-29", "2100-02-29", "2024-04-31", "2024-13-01", "2024-00-10", "2024-2-9", "20240229",
		"2024-02-29T00:00:00Z", " 2024-02-29", "2024-02-29 ", "29-02-2024", "02024-02-29", "-2024-02-29", "tomorrow",
	} {
		t.Run(`rejects "`+s+`"`, func(t *testing.T) {
			_, err := domain.ParseDate(s)
			require.Error(t, err)
		})
	}
	t.Run("rejects a stored value of another type", func(t *testing.T) {
		require.ErrorContains(t, new(domain.Date).Scan(7), "int")
	})
	t.Run("rejects malformed stored text without quoting it, because errors are logged", func(t *testing.T) {
		err := new(domain.Date).Scan("canary")
		require.Error(t, err)
		require.NotContains(t, err.Error(), "canary")
	})
}

func TestDatesAreOrdered(t *testing.T) {
	t.Run("as days are, and as their text is", rapid.MakeCheck(func(t *rapid.T) {
		one, other := anyDate().Draw(t, "one"), anyDate().Draw(t, "other")
		a, b := domain.DateOf(one), domain.DateOf(other)
		require.Equal(t, one.After(other), a.After(b))
		require.Equal(t, a.String() > b.String(), a.After(b))
		require.Equal(t, a == b, !a.After(b) && !b.After(a))
	}))
}

func TestYearsUntil(t *testing.T) {
	t.Run("a year ends on the anniversary, not a day earlier", rapid.MakeCheck(func(t *rapid.T) {
		born := anyDate().Filter(func(d time.Time) bool { return d.Day() < 29 }).Draw(t, "born")
		years := rapid.IntRange(0, 300).Draw(t, "years")
		birthday := born.AddDate(years, 0, 0)
		require.Equal(t, years, domain.DateOf(born).YearsUntil(domain.DateOf(birthday)))
		require.Equal(t, years-1, domain.DateOf(born).YearsUntil(domain.DateOf(birthday.AddDate(0, 0, -1))))
	}))
	t.Run("an age never decreases", rapid.MakeCheck(func(t *rapid.T) {
		born, today := anyDate().Draw(t, "born"), anyDate().Draw(t, "today")
		later := today.AddDate(0, 0, rapid.IntRange(0, 1000).Draw(t, "days"))
		d := domain.DateOf(born)
		require.LessOrEqual(t, d.YearsUntil(domain.DateOf(today)), d.YearsUntil(domain.DateOf(later)))
		require.Equal(t, born.After(today), d.YearsUntil(domain.DateOf(today)) < 0)
	}))
	for _, leapling := range []struct {
		name, born, today string
		years             int
	}{
		{"turns one on 1 March of a common year", "2004-02-29", "2005-03-01", 1},
		{"is not yet one on 28 February of a common year", "2004-02-29", "2005-02-28", 0},
		{"turns four on 29 February of a leap year", "2004-02-29", "2008-02-29", 4},
		{"is not yet four the day before", "2004-02-29", "2008-02-28", 3},
		{"is not yet four on 28 February 2100, because 2100 is no leap year", "2096-02-29", "2100-02-28", 3},
	} {
		t.Run("a person born on 29 February "+leapling.name, func(t *testing.T) {
			require.Equal(t, leapling.years, date(t, leapling.born).YearsUntil(date(t, leapling.today)))
		})
	}
}
