package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients/internal/domain"
)

func TestFilter(t *testing.T) {
	t.Run("without criteria stays empty", func(t *testing.T) {
		settled, err := domain.Filter{}.On(date(t, "2026-11-22"))
		require.NoError(t, err)
		require.Equal(t, domain.Filter{}, settled)
	})
	t.Run("accepts a gender in any letter case", func(t *testing.T) {
		settled, err := domain.Filter{Gender: "fEMALE"}.On(date(t, "2026-11-22"))
		require.NoError(t, err)
		require.Equal(t, "Female", settled.Gender)
	})
	t.Run("rejects an unknown gender", func(t *testing.T) {
		_, err := domain.Filter{Gender: "x"}.On(date(t, "2026-11-22"))
		require.Equal(t, map[string][]string{"gender": {"Must be one of Male, Female, Other, Unknown."}},
			fieldErrors(t, err))
	})
	t.Run("by age matches exactly the patients of that age today, with valid dates", func(t *testing.T) {
		aroundBirthdays(func(born, today domain.Date, age int) {
			settled, err := domain.Filter{AgeMin: &age, AgeMax: &age}.On(today)
			require.NoError(t, err)
			shown := domain.Patient{Details: domain.Details{BirthDate: born}}.Age(today)
			atLeast := settled.AgeMin == nil || !born.After(settled.BornUntil)
			require.Equal(t, shown >= age, atLeast, "born %s, today %s, at least %d", born, today, age)
			require.Equal(t, shown <= age, born.After(settled.BornAfter), "born %s, today %s, at most %d", born, today,
				age)
			if settled.AgeMin != nil {
				require.Equal(t, settled.BornUntil, date(t, settled.BornUntil.String()))
			}
			require.Equal(t, settled.BornAfter, date(t, settled.BornAfter.String()))
		})
	})
}

// aroundBirthdays visits birthdays, the days around them, and the end of February.
func aroundBirthdays(visit func(born, today domain.Date, age int)) {
	for _, year := range []int{2000, 2004, 2024, 2025, 2027, 2096, 2100, 2104} {
		for day := range 6 {
			today := time.Date(year, time.February, 26+day, 0, 0, 0, 0, time.UTC)
			for _, age := range []int{0, 1, 2, 3, 4, 5, 100, 124, 150} {
				for _, years := range []int{-1, 0, 1, 2} {
					for days := -3; days <= 3; days++ {
						visit(domain.DateOf(today.AddDate(-age-years, 0, days)), domain.DateOf(today), age)
					}
				}
			}
		}
	}
}

func TestFilterOnThe29th(t *testing.T) {
	const years = 30
	for _, c := range []struct{ today, until, after string }{
		{"2026-01-29", "1996-01-29", "1995-01-29"},
		{"2026-03-29", "1996-03-29", "1995-03-29"},
		{"2027-12-29", "1997-12-29", "1996-12-29"},
		{"2028-02-29", "1998-02-28", "1997-02-28"},
		{"2026-02-28", "1996-02-28", "1995-02-28"},
	} {
		t.Run("on "+c.today, func(t *testing.T) {
			filter, err := domain.Filter{AgeMin: new(years), AgeMax: new(years)}.On(date(t, c.today))
			require.NoError(t, err)
			require.Equal(t, c.until, filter.BornUntil.String())
			require.Equal(t, c.after, filter.BornAfter.String())
		})
	}
}
