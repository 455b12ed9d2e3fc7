package domain_test

import (
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

func day(t *testing.T, text string) calendar.Date {
	t.Helper()
	date, err := calendar.ParseDate(text)
	require.NoError(t, err)
	return date
}

// window returns a window of a Monday.
func window(from, to string) domain.WindowInput {
	return domain.WindowInput{Weekday: "monday", From: from, To: to}
}

// revised returns the default availability after a revision.
func revised(t *testing.T, input domain.AvailabilityInput) domain.Availability {
	t.Helper()
	a := domain.NewAvailability(doctors.ID{})
	require.NoError(t, a.Revise(input, madeAt))
	return a
}

func TestReviseAvailability(t *testing.T) {
	doctor, kind := recordid.New[doctors.ID](), uuid.New()
	whole := domain.AvailabilityInput{
		TimeZone: " Europe/Berlin ", StepMinutes: new(20), LeadMinutes: new(120), HorizonDays: new(90),
		Windows: []domain.WindowInput{
			{Weekday: "sunday", From: "22:00", To: "06:00"},
			{Weekday: " MONDAY", From: "09:00", To: "24:00", ValidFrom: "2027-01-01", ValidTo: "2027-12-31",
				Type: kind.String()},
		},
	}
	t.Run("replaces all values", func(t *testing.T) {
		a := domain.NewAvailability(doctor)
		require.NoError(t, a.Revise(whole, madeAt))
		require.Equal(t, domain.Availability{
			DoctorID: doctor, TimeZone: "Europe/Berlin", Step: 20, Lead: 120, Horizon: 90,
			Version: 1, UpdatedAt: madeAt,
			Windows: []calendar.Window{
				{
					Weekday: time.Monday, Minutes: calendar.Minutes{From: 540, To: 1440}, Type: kind,
					ValidFrom: new(day(t, "2027-01-01")), ValidUntil: new(day(t, "2027-12-31")),
				},
				{Weekday: time.Sunday, Minutes: calendar.Minutes{From: 1320, To: 1800}},
			},
		}, a)
	})
	t.Run("omitted values are the default", func(t *testing.T) {
		a := domain.NewAvailability(doctor)
		require.NoError(t, a.Revise(whole, madeAt))
		require.NoError(t, a.Revise(domain.AvailabilityInput{}, madeAt))
		a.Version, a.UpdatedAt = 0, time.Time{}
		require.Equal(t, domain.NewAvailability(doctor), a)
		require.Equal(t, domain.Availability{DoctorID: doctor, Step: 15, Lead: 0, Horizon: 365}, a)
	})
	t.Run("the same values in another order keep the version", func(t *testing.T) {
		a := domain.NewAvailability(doctor)
		require.NoError(t, a.Revise(whole, madeAt))
		reversed := whole
		reversed.Windows = []domain.WindowInput{whole.Windows[1], whole.Windows[0]}
		before := a
		require.NoError(t, a.Revise(reversed, madeAt.Add(time.Hour)))
		require.Equal(t, before, a)
	})
	t.Run("the default keeps version 0", func(t *testing.T) {
		a := domain.NewAvailability(doctor)
		require.NoError(t, a.Revise(domain.AvailabilityInput{StepMinutes: new(15)}, madeAt))
		require.Zero(t, a.Version)
	})
}

func TestDifferingAvailability(t *testing.T) {
	base := revised(t, domain.AvailabilityInput{Windows: []domain.WindowInput{window("09:00", "17:00")}})
	require.Empty(t, base.Differing(base))
	all := revised(t, domain.AvailabilityInput{
		TimeZone: "UTC", StepMinutes: new(5), LeadMinutes: new(1), HorizonDays: new(1),
	})
	require.Equal(t, []string{"horizon_days", "lead_minutes", "step_minutes", "time_zone", "windows"},
		base.Differing(all))
	for name, change := range map[string]func(*domain.WindowInput){
		"the weekday":   func(w *domain.WindowInput) { w.Weekday = "tuesday" },
		"the beginning": func(w *domain.WindowInput) { w.From = "10:00" },
		"the end":       func(w *domain.WindowInput) { w.To = "16:00" },
		"the first day": func(w *domain.WindowInput) { w.ValidFrom = "2027-01-01" },
		"the last day":  func(w *domain.WindowInput) { w.ValidTo = "2027-01-01" },
		"the type":      func(w *domain.WindowInput) { w.Type = uuid.NewString() },
	} {
		t.Run(name+" of a window", func(t *testing.T) {
			changed := window("09:00", "17:00")
			change(&changed)
			other := revised(t, domain.AvailabilityInput{Windows: []domain.WindowInput{changed}})
			require.Equal(t, []string{"windows"}, base.Differing(other))
		})
	}
}

func TestAvailabilityRules(t *testing.T) {
	for name, c := range map[string]struct {
		input domain.AvailabilityInput
		wrong []string
	}{
		"an unknown zone":        {domain.AvailabilityInput{TimeZone: "Europe/Atlantis"}, []string{"time_zone"}},
		"the zone of a machine":  {domain.AvailabilityInput{TimeZone: "Local"}, []string{"time_zone"}},
		"the file of that zone":  {domain.AvailabilityInput{TimeZone: "localtime"}, []string{"time_zone"}},
		"a zone of leap seconds": {domain.AvailabilityInput{TimeZone: "right/UTC"}, []string{"time_zone"}},
		"a path of a file":       {domain.AvailabilityInput{TimeZone: "../../etc/passwd"}, []string{"time_zone"}},
		"a zone of many letters": {domain.AvailabilityInput{TimeZone: strings.Repeat("a", 65)}, []string{"time_zone"}},
		"numbers below the bounds": {
			domain.AvailabilityInput{StepMinutes: new(4), LeadMinutes: new(-1), HorizonDays: new(0)},
			[]string{"horizon_days", "lead_minutes", "step_minutes"},
		},
		"numbers above the bounds": {
			domain.AvailabilityInput{StepMinutes: new(241), LeadMinutes: new(43_201), HorizonDays: new(731)},
			[]string{"horizon_days", "lead_minutes", "step_minutes"},
		},
		"too many windows": {
			domain.AvailabilityInput{Windows: make([]domain.WindowInput, domain.MaxWindows+1)}, []string{"windows"},
		},
		"windows, by their index": {
			domain.AvailabilityInput{Windows: []domain.WindowInput{
				window("09:00", "17:00"),
				{},
				{Weekday: "someday", From: "24:00", To: "9:00", ValidFrom: "soon", ValidTo: "2027-02-29", Type: "x"},
				window("09:00", "09:00"),
				{Weekday: "friday", From: "09:00", To: "10:00", ValidFrom: "2027-01-02", ValidTo: "2027-01-01"},
			}},
			[]string{
				"windows[1].weekday", "windows[1].from", "windows[1].to",
				"windows[2].weekday", "windows[2].from", "windows[2].to", "windows[2].valid_from",
				"windows[2].valid_to", "windows[2].type",
				"windows[3].to", "windows[4].valid_to",
			},
		},
	} {
		t.Run("reject "+name, func(t *testing.T) {
			requireWrong(t, c.input.Validate(), c.wrong...)
			a := domain.NewAvailability(doctors.ID{})
			requireWrong(t, a.Revise(c.input, madeAt), c.wrong...)
			require.Equal(t, domain.NewAvailability(doctors.ID{}), a, "nothing changes")
		})
	}
	t.Run("accept the bounds", func(t *testing.T) {
		many := make([]domain.WindowInput, domain.MaxWindows)
		for i := range many {
			many[i] = window("00:00", "24:00") // windows may overlap
		}
		least := domain.AvailabilityInput{StepMinutes: new(5), LeadMinutes: new(0), HorizonDays: new(1)}
		most := domain.AvailabilityInput{
			StepMinutes: new(240), LeadMinutes: new(43_200), HorizonDays: new(730), Windows: many,
		}
		require.NoError(t, least.Validate())
		require.NoError(t, most.Validate())
	})
}

func TestTimesOfWindows(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     calendar.Minutes
		shown    string // of the end
	}{
		{"00:00", "00:01", calendar.Minutes{From: 0, To: 1}, "00:01"},
		{"00:00", "24:00", calendar.Minutes{From: 0, To: 1440}, "24:00"},
		{"09:00", "17:30", calendar.Minutes{From: 540, To: 1050}, "17:30"},
		{"22:00", "00:00", calendar.Minutes{From: 1320, To: 1440}, "24:00"},
		{"22:00", "06:00", calendar.Minutes{From: 1320, To: 1800}, "06:00"},
		{"23:59", "23:58", calendar.Minutes{From: 1439, To: 2878}, "23:58"},
	} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			a := revised(t, domain.AvailabilityInput{Windows: []domain.WindowInput{window(c.from, c.to)}})
			require.Equal(t, c.want, a.Windows[0].Minutes)
			require.Equal(t, c.from, domain.ClockText(c.want.From))
			require.Equal(t, c.shown, domain.ClockText(c.want.To))
		})
	}
	for _, wrong := range []string{"9:00", "09:0", "09:60", "24:01", "25:00", "-1:00", "09:00:00", "09.00", "noon"} {
		t.Run("reject "+wrong, func(t *testing.T) {
			input := domain.AvailabilityInput{Windows: []domain.WindowInput{window(wrong, wrong)}}
			requireWrong(t, input.Validate(), "windows[0].from", "windows[0].to")
		})
	}
}

func TestTypesOfWindows(t *testing.T) {
	id := recordid.New[domain.TypeID]()
	input := domain.AvailabilityInput{Windows: []domain.WindowInput{
		{}, {Type: id.String()}, {Type: "x"}, {Type: uuid.Nil.String()},
	}}
	require.Equal(t, map[int]domain.TypeID{1: id, 3: {}}, input.Types(), "the zero id is one that no type has")
	require.Equal(t, "windows[1].type", domain.TypeOfWindow(1))
}
