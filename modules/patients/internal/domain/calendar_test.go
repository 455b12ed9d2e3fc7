package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/patients/internal/domain"
)

// zones include the zones where a date begins first and last, zones with offsets of half and quarter hours, and zones
// with daylight saving time.
var zones = []string{
	"UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin", "America/New_York", "America/St_Johns",
	"Pacific/Kiritimati", "Pacific/Apia", "Pacific/Chatham", "Pacific/Pago_Pago", "Etc/GMT+12", "Australia/Lord_Howe",
}

func zone(t require.TestingT, name string) *time.Location {
	location, err := time.LoadLocation(name)
	require.NoError(t, err)
	return location
}

// at returns the calendar of a moment, in RFC 3339, for a service in the zone.
func at(t require.TestingT, moment, in string) (time.Time, domain.Calendar) {
	instant, err := time.Parse(time.RFC3339, moment)
	require.NoError(t, err)
	return instant.UTC(), domain.CalendarAt(instant.UTC(), zone(t, in))
}

func TestToday(t *testing.T) {
	for _, c := range []struct{ zone, moment, today string }{
		{"UTC", "2026-11-27T23:59:59Z", "2026-11-27"},
		{"UTC", "2026-11-28T00:00:00Z", "2026-11-28"},
		{"Asia/Kolkata", "2026-11-27T18:29:59Z", "2026-11-27"},
		{"Asia/Kolkata", "2026-11-27T18:30:00Z", "2026-11-28"},
		{"Asia/Kolkata", "2026-11-27T23:21:00Z", "2026-11-28"},
		{"Asia/Kathmandu", "2026-11-27T18:14:59Z", "2026-11-27"},
		{"Asia/Kathmandu", "2026-11-27T18:15:00Z", "2026-11-28"},
		{"Pacific/Kiritimati", "2026-11-27T09:59:59Z", "2026-11-27"},
		{"Pacific/Kiritimati", "2026-11-27T10:00:00Z", "2026-11-28"},
		{"Pacific/Apia", "2026-11-27T11:00:00Z", "2026-11-28"},
		{"Pacific/Pago_Pago", "2026-11-28T10:59:59Z", "2026-11-27"},
		{"Pacific/Pago_Pago", "2026-11-28T11:00:00Z", "2026-11-28"},
		{"Etc/GMT+12", "2026-11-28T11:59:59Z", "2026-11-27"},
		{"Etc/GMT+12", "2026-11-28T12:00:00Z", "2026-11-28"},
		{"Europe/Berlin", "2026-03-28T22:59:59Z", "2026-03-28"}, // before a day of 23 hours
		{"Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29"},
		{"Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29"},
		{"Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30"},
		{"Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25"}, // a day of 25 hours
		{"Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-26"},
		{"America/New_York", "2026-11-01T03:59:59Z", "2026-10-31"},
		{"America/New_York", "2026-11-02T04:59:59Z", "2026-11-01"}, // a day of 25 hours
		{"America/New_York", "2026-11-02T05:00:00Z", "2026-11-02"},
	} {
		t.Run("at "+c.moment+" it is "+c.today+" in "+c.zone, func(t *testing.T) {
			_, calendar := at(t, c.moment, c.zone)
			require.Equal(t, c.today, calendar.Today.String())
		})
	}
}

// TestAcceptedAnywhere registers births around the dates that are current somewhere on earth.
func TestAcceptedAnywhere(t *testing.T) {
	const (
		future  = "Must not be in the future."
		old     = "Must be at most 150 years ago."
		differs = "Must agree with birth_date."
	)
	for _, c := range []struct {
		name, zone, moment, born string
		age                      *int
		shown                    int
		field, refusal           string // empty: accepted
	}{
		{"a birth today in India", "Asia/Kolkata", "2026-11-27T23:21:00Z", "2026-11-28", nil, 0, "", ""},
		{"a birth today in India, with a service in UTC", "UTC", "2026-11-27T23:21:00Z", "2026-11-28", nil, 0, "", ""},
		{"a 36th birthday in India", "Asia/Kolkata", "2026-11-27T23:21:00Z", "1990-11-28", new(36), 36, "", ""},
		{"the age of yesterday on a 36th birthday in India", "Asia/Kolkata", "2026-11-27T23:21:00Z", "1990-11-28",
			new(35), 36, "", ""},
		{"a 36th birthday in India, with a service in UTC", "UTC", "2026-11-27T23:21:00Z", "1990-11-28", new(36), 35,
			"", ""},
		{"an age that is too high", "Asia/Kolkata", "2026-11-27T23:21:00Z", "1990-11-28", new(37), 0, "age", differs},
		{"an age that is too low", "Asia/Kolkata", "2026-11-27T23:21:00Z", "1990-11-28", new(34), 0, "age", differs},
		{"a negative age of a newborn", "UTC", "2026-11-27T23:21:00Z", "2026-11-28", new(-1), 0, "age",
			"Must be between 0 and 150."},
		{"the age of a newborn", "UTC", "2026-11-27T23:21:00Z", "2026-11-28", new(0), 0, "", ""},

		{"a birth on a day that has begun at UTC+14 alone", "Etc/GMT+12", "2026-11-27T10:00:00Z", "2026-11-28", nil, 0,
			"", ""},
		{"a birth a second before that day begins at UTC+14", "Pacific/Kiritimati", "2026-11-27T09:59:59Z",
			"2026-11-28", nil, 0, "birth_date", future},
		{"an age that holds at UTC+14 alone", "Pacific/Pago_Pago", "2026-11-27T10:00:00Z", "1990-11-28", new(36), 35,
			"", ""},
		{"an age a second before it holds at UTC+14", "Pacific/Pago_Pago", "2026-11-27T09:59:59Z", "1990-11-28",
			new(36), 0, "age", differs},
		{"an age that holds at UTC-12 alone", "Pacific/Kiritimati", "2026-11-28T11:59:59Z", "1990-11-28", new(35), 36,
			"", ""},
		{"an age that ended at UTC-12", "Pacific/Kiritimati", "2026-11-28T12:00:00Z", "1990-11-28", new(35), 0,
			"age", differs},

		{"a 150th birthday that is still at UTC-12 alone", "Pacific/Kiritimati", "2026-11-28T11:59:59Z", "1876-11-27",
			nil, 150, "", ""},
		{"a 150th birthday that is over at UTC-12", "Pacific/Kiritimati", "2026-11-28T12:00:00Z", "1876-11-27", nil, 0,
			"birth_date", old},
		{"a 150th birthday that has begun at UTC+14 alone", "Etc/GMT+12", "2026-11-27T10:00:00Z", "1876-11-28",
			new(150), 149, "", ""},

		{"a birth on 29 February, on 28 February of a common year", "UTC", "2027-02-28T09:59:59Z", "2004-02-29",
			new(22), 22, "", ""},
		{"the next age, when 1 March has begun at UTC+14", "UTC", "2027-02-28T10:00:00Z", "2004-02-29", new(23),
			22, "", ""},
		{"the next age, when 1 March has begun nowhere", "UTC", "2027-02-28T09:59:59Z", "2004-02-29", new(23), 0,
			"age", differs},
		{"the previous age, while 28 February lasts at UTC-12", "UTC", "2027-03-01T11:59:59Z", "2004-02-29", new(22),
			23, "", ""},
		{"the previous age, when 28 February is over", "UTC", "2027-03-01T12:00:00Z", "2004-02-29", new(22), 0, "age",
			differs},
	} {
		t.Run(c.name, func(t *testing.T) {
			moment, calendar := at(t, c.moment, c.zone)
			patient, err := domain.New(owner, domain.Input{Name: "A", Gender: "Other", BirthDate: c.born, Age: c.age},
				moment, calendar)
			if c.refusal != "" {
				require.Equal(t, map[string][]string{c.field: {c.refusal}}, fieldErrors(t, err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.shown, patient.Age(calendar.Today))
		})
	}
}

func TestCalendarProperties(t *testing.T) {
	anyMoment := rapid.Map(rapid.IntRange(0, 10*366*24*3600), func(second int) time.Time {
		return time.Date(2026, time.January, 1, 0, 0, second, 0, time.UTC)
	})
	t.Run("a person whose birthday is today somewhere may have either age, in every zone",
		rapid.MakeCheck(func(t *rapid.T) {
			moment, years := anyMoment.Draw(t, "moment"), rapid.IntRange(1, 149).Draw(t, "years")
			birthday := moment.In(zone(t, rapid.SampledFrom(zones).Draw(t, "client")))
			if birthday.Month() == time.February && birthday.Day() == 29 {
				return // most years do not have it
			}
			calendar := domain.CalendarAt(moment, zone(t, rapid.SampledFrom(zones).Draw(t, "service")))
			born := birthday.AddDate(-years, 0, 0).Format(time.DateOnly)
			_, err := domain.New(owner, domain.Input{Name: "A", Gender: "Other", BirthDate: born, Age: &years}, moment,
				calendar)
			require.NoError(t, err)
		}))
	t.Run("a birth today anywhere is accepted, shows the age 0 and is found by it, in every zone",
		rapid.MakeCheck(func(t *rapid.T) {
			moment := anyMoment.Draw(t, "moment")
			calendar := domain.CalendarAt(moment, zone(t, rapid.SampledFrom(zones).Draw(t, "service")))
			born := moment.In(zone(t, rapid.SampledFrom(zones).Draw(t, "client"))).Format(time.DateOnly)
			in := domain.Input{Name: "A", Gender: "Other", BirthDate: born}
			patient, err := domain.New(owner, in, moment, calendar)
			require.NoError(t, err)
			require.Zero(t, patient.Age(calendar.Today))
			filter, err := domain.Filter{AgeMin: new(0), AgeMax: new(0)}.On(calendar.Today)
			require.NoError(t, err)
			require.Nil(t, filter.AgeMin)
			require.True(t, patient.Details.BirthDate.After(filter.BornAfter))
		}))
	t.Run("an age that was shown today or yesterday can be sent back with any birth date, in every zone",
		rapid.MakeCheck(func(t *rapid.T) {
			patient := registered(t, anyInput().Draw(t, "input"))
			moment := now.Add(time.Duration(rapid.IntRange(0, 365*24*60).Draw(t, "minutes")) * time.Minute)
			location := zone(t, rapid.SampledFrom(zones).Draw(t, "service"))
			calendar := domain.CalendarAt(moment, location)
			read := domain.CalendarAt(moment, location).Today
			if rapid.Bool().Draw(t, "read yesterday") {
				year, month, day := moment.In(location).Date()
				read = domain.DateOf(time.Date(year, month, day-1, 0, 0, 0, 0, time.UTC))
			}
			age := patient.Age(read)
			in := domain.Input{Name: "A", Gender: "Other", Age: &age, BirthDate: "2001-02-03"}
			require.NoError(t, patient.Revise(in, moment, calendar))
			require.Equal(t, "2001-02-03", patient.Details.BirthDate.String())
		}))
}
