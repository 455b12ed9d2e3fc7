package domain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/platform/recordid"
)

func TestNewException(t *testing.T) {
	today, by, doctor := day(t, "2026-11-22"), uuid.New(), recordid.New[doctors.ID]()
	add := func(input domain.ExceptionInput) (domain.Exception, error) {
		return domain.NewException(input, &doctor, by, madeAt, today)
	}
	t.Run("lasts one day by default", func(t *testing.T) {
		e, err := add(domain.ExceptionInput{StartsOn: "2026-12-24", Kind: "Closed", Note: " Conference "})
		require.NoError(t, err)
		christmas := day(t, "2026-12-24")
		require.Equal(t, domain.Exception{
			ID: e.ID, DoctorID: &doctor, Note: "Conference", CreatedBy: by, CreatedAt: madeAt,
			Exception: calendar.Exception{From: christmas, To: christmas},
		}, e)
		require.Equal(t, "closed", e.KindName())
	})
	t.Run("has hours, which may pass midnight", func(t *testing.T) {
		e, err := add(domain.ExceptionInput{
			StartsOn: "2026-12-24", EndsOn: "2026-12-25", From: "22:00", To: "06:00", Kind: "hours",
		})
		require.NoError(t, err)
		require.Equal(t, calendar.Exception{
			From: day(t, "2026-12-24"), To: day(t, "2026-12-25"), Hours: true,
			Minutes: &calendar.Minutes{From: 1320, To: 1800},
		}, e.Exception)
		require.Equal(t, "hours", e.KindName())
	})
	t.Run("is a holiday of the practice without a doctor", func(t *testing.T) {
		christmas := domain.ExceptionInput{StartsOn: "2026-12-25", Kind: "closed"}
		e, err := domain.NewException(christmas, nil, by, madeAt, today)
		require.NoError(t, err)
		require.Nil(t, e.DoctorID)
		require.True(t, e.Practice)
	})
	t.Run("may last 366 days, and end today", func(t *testing.T) {
		for _, days := range [][2]string{{"2027-01-01", "2028-01-01"}, {"2026-01-01", "2026-11-22"}} {
			_, err := add(domain.ExceptionInput{StartsOn: days[0], EndsOn: days[1], Kind: "closed"})
			require.NoError(t, err)
		}
	})
	for name, c := range map[string]struct {
		input domain.ExceptionInput
		wrong []string
	}{
		"no values": {domain.ExceptionInput{}, []string{"starts_on", "kind"}},
		"malformed values": {
			domain.ExceptionInput{
				StartsOn: "x", EndsOn: "2026-02-30", Kind: "x", From: "x", To: "x", Note: strings.Repeat("ä", 201),
			},
			[]string{"starts_on", "ends_on", "kind", "from", "to", "note"},
		},
		"a day in the past": {domain.ExceptionInput{StartsOn: "2026-11-21", Kind: "closed"}, []string{"starts_on"}},
		"days in the past": {
			domain.ExceptionInput{StartsOn: "2026-11-20", EndsOn: "2026-11-21", Kind: "closed"}, []string{"ends_on"},
		},
		"a last day before the first": {
			domain.ExceptionInput{StartsOn: "2026-12-24", EndsOn: "2026-12-23", Kind: "closed"}, []string{"ends_on"},
		},
		"367 days": {
			domain.ExceptionInput{StartsOn: "2027-01-01", EndsOn: "2028-01-02", Kind: "closed"}, []string{"ends_on"},
		},
		"hours for all day": {
			domain.ExceptionInput{StartsOn: "2026-12-24", Kind: "hours"}, []string{"from", "to"},
		},
		"one of two times": {
			domain.ExceptionInput{StartsOn: "2026-12-24", Kind: "closed", From: "12:00"}, []string{"to"},
		},
	} {
		t.Run("rejects "+name, func(t *testing.T) {
			_, err := add(c.input)
			requireWrong(t, err, c.wrong...)
		})
	}
}

// TestAffects has a doctor in Berlin who works from 09:00 to 17:00 on all days, and from 22:00 to 06:00 on Fridays.
func TestAffects(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	rules := calendar.Rules{Zone: berlin, Step: 15, Horizon: 365}
	for weekday := range time.Weekday(7) {
		rules.Windows = append(rules.Windows,
			calendar.Window{Weekday: weekday, Minutes: calendar.Minutes{From: 540, To: 1020}})
	}
	rules.Windows = append(rules.Windows,
		calendar.Window{Weekday: time.Friday, Minutes: calendar.Minutes{From: 1320, To: 1800}})
	thursday, friday := day(t, "2026-12-24"), day(t, "2026-12-25")
	visit := func(date calendar.Date, hour int) domain.Visit {
		from := calendar.At(berlin, date, hour*60)
		return domain.Visit{From: from, To: from.Add(30 * time.Minute)}
	}
	morning := &calendar.Minutes{From: 540, To: 720}
	for name, c := range map[string]struct {
		exception calendar.Exception
		others    []calendar.Exception
		visit     domain.Visit
		affects   bool
	}{
		"a closed day":   {calendar.Exception{From: thursday, To: friday}, nil, visit(friday, 10), true},
		"the day before": {calendar.Exception{From: friday, To: friday}, nil, visit(thursday, 10), false},
		"the day after":  {calendar.Exception{From: thursday, To: thursday}, nil, visit(friday, 10), false},
		"a closed morning": {
			calendar.Exception{From: friday, To: friday, Minutes: morning}, nil, visit(friday, 11), true,
		},
		"the afternoon after it": {
			calendar.Exception{From: friday, To: friday, Minutes: morning}, nil, visit(friday, 12), false,
		},
		"a night after a closed day": {
			calendar.Exception{From: friday, To: friday}, nil, visit(friday+1, 2), true,
		},
		"an overbooked visit outside the hours of a closed day": {
			calendar.Exception{From: friday, To: friday}, nil, visit(friday, 19), true,
		},
		"a holiday": {calendar.Exception{From: friday, To: friday, Practice: true}, nil, visit(friday, 10), true},
		"a holiday on which the doctor has hours": {
			calendar.Exception{From: friday, To: friday, Practice: true},
			[]calendar.Exception{{From: friday, To: friday, Hours: true, Minutes: morning}}, visit(friday, 10), false,
		},
		"hours around the visit": {
			calendar.Exception{From: friday, To: friday, Hours: true, Minutes: morning}, nil, visit(friday, 10), false,
		},
		"hours before the visit": {
			calendar.Exception{From: friday, To: friday, Hours: true, Minutes: morning}, nil, visit(friday, 13), true,
		},
		"hours beside other hours around the visit": {
			calendar.Exception{From: friday, To: friday, Hours: true, Minutes: morning},
			[]calendar.Exception{
				{From: friday, To: friday, Hours: true, Minutes: &calendar.Minutes{From: 780, To: 1020}},
			}, visit(friday, 13), false,
		},
		"hours that begin during an overbooked visit": {
			calendar.Exception{
				From: friday, To: friday, Hours: true, Minutes: &calendar.Minutes{From: 19*60 + 15, To: 1200},
			}, nil, visit(friday, 19), false,
		},
		"hours on the day of an overbooked visit that was outside the hours before": {
			calendar.Exception{From: friday, To: friday, Hours: true, Minutes: morning}, nil, visit(friday, 19), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := domain.Exception{Exception: c.exception}
			with := rules
			with.Exceptions = append(slices.Clone(c.others), c.exception)
			before := slices.Clone(with.Exceptions)
			require.Equal(t, c.affects, e.Affects(c.visit, with))
			require.Equal(t, before, with.Exceptions, "the rules do not change")
			reach := e.Reach()
			if c.affects {
				require.True(t, reach.From.Before(c.visit.To) && c.visit.From.Before(reach.To), "Reach has the visit")
			}
		})
	}
}
