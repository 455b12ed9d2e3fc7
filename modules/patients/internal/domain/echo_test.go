package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients/internal/domain"
)

// echo returns the replacement by a client that read the patient on the date read and changed nothing.
func echo(p domain.Patient, read domain.Date) domain.Input {
	age := p.Age(read)
	return domain.Input{Name: p.Details.Name, Gender: p.Details.Gender, Age: &age,
		BirthDate: p.Details.BirthDate.String()}
}

func TestEchoedAges(t *testing.T) {
	aged := domain.Input{Name: "A", Gender: "Other", Age: new(40)}
	born := domain.Input{Name: "A", Gender: "Other", BirthDate: "1990-11-28"}
	const differs = "Must agree with birth_date."
	for _, c := range []struct {
		name      string
		from      domain.Input
		moment    string // in Berlin
		age       int
		birthDate string
		kept      string // the birth date afterwards
		keptAge   int    // likewise
		refused   string
	}{
		{"the age shown is ignored beside another birth date", born, "2026-12-24T12:00:00Z", 36, "1980-05-06",
			"1980-05-06", 0, ""},
		{"yesterday's age is ignored on the birthday", born, "2026-11-28T12:00:00Z", 35, "1990-11-28", "1990-11-28", 0,
			""},
		{"yesterday's age is ignored in the birthday's last second", born, "2026-11-28T22:59:59Z", 35, "1980-05-06",
			"1980-05-06", 0, ""},
		{"the age of the day before yesterday is a contradiction", born, "2026-11-28T23:00:00Z", 35, "1980-05-06", "",
			0, differs},
		{"another age is a contradiction", born, "2026-12-24T12:00:00Z", 37, "1980-05-06", "", 0, differs},
		{"another age may agree with the new birth date", born, "2026-12-24T12:00:00Z", 46, "1980-05-06", "1980-05-06",
			0, ""},
		{"the stored age is ignored beside a first birth date", aged, "2026-12-24T12:00:00Z", 40, "2000-01-01",
			"2000-01-01", 0, ""},
		{"another age beside a first birth date is a contradiction", aged, "2026-12-24T12:00:00Z", 41, "2000-01-01", "",
			0, differs},
		{"the age shown is stored when the birth date is cleared", born, "2026-12-24T12:00:00Z", 36, "", "", 36, ""},
		{"yesterday's age is stored when the birth date is cleared", born, "2026-11-28T12:00:00Z", 35, "", "", 35, ""},
		{"any age is stored when the birth date is cleared", born, "2026-12-24T12:00:00Z", 7, " ", "", 7, ""},
	} {
		for method, change := range map[string]func(*domain.Patient, time.Time, domain.Calendar) error{
			"PUT": func(p *domain.Patient, moment time.Time, calendar domain.Calendar) error {
				return p.Revise(domain.Input{Name: "A", Gender: "Other", Age: &c.age, BirthDate: c.birthDate}, moment,
					calendar)
			},
			"PATCH": func(p *domain.Patient, moment time.Time, calendar domain.Calendar) error {
				return p.Amend(domain.Changes{Age: &c.age, BirthDate: &c.birthDate}, moment, calendar)
			},
		} {
			t.Run("on "+method+" "+c.name, func(t *testing.T) {
				patient := registered(t, c.from)
				moment, calendar := at(t, c.moment, "Europe/Berlin")
				err := change(&patient, moment, calendar)
				if c.refused != "" {
					require.Equal(t, map[string][]string{"age": {c.refused}}, fieldErrors(t, err))
					return
				}
				require.NoError(t, err)
				require.Equal(t, c.kept, patient.Details.BirthDate.String())
				require.Equal(t, c.keptAge, patient.Details.Age)
			})
		}
	}
	t.Run("an echo keeps version and time", func(t *testing.T) {
		for _, from := range []domain.Input{aged, born} {
			patient := registered(t, from)
			before := patient
			moment, calendar := at(t, "2026-11-28T12:00:00Z", "Europe/Berlin")
			yesterday := date(t, "2026-11-27")
			for _, read := range []domain.Date{calendar.Today, yesterday} {
				require.NoError(t, patient.Revise(echo(patient, read), moment, calendar))
				require.NoError(t, patient.Amend(domain.Changes{Age: echo(patient, read).Age}, moment, calendar))
				require.Equal(t, before, patient)
			}
		}
	})
	t.Run("yesterday is a date, not 24 hours, where clocks change", func(t *testing.T) {
		patient := registered(t, domain.Input{Name: "A", Gender: "Other", BirthDate: "1990-10-26"})
		in := echo(patient, date(t, "2026-10-25"))
		moment, calendar := at(t, "2026-10-26T22:59:59Z", "Europe/Berlin")
		require.NoError(t, patient.Revise(in, moment, calendar))
		in.BirthDate = "1980-05-06"
		require.NoError(t, patient.Revise(in, moment, calendar))
	})
	t.Run("on 1 March of a common year, the age of 28 February is an echo for a person born on 29 February",
		func(t *testing.T) {
			patient := registered(t, domain.Input{Name: "A", Gender: "Other", BirthDate: "2004-02-29"})
			in := echo(patient, date(t, "2027-02-28"))
			require.Equal(t, 22, *in.Age)
			in.BirthDate = "1980-05-06"
			moment, calendar := at(t, "2027-03-01T22:00:00Z", "Europe/Berlin")
			require.NoError(t, patient.Revise(in, moment, calendar))
			require.Equal(t, "1980-05-06", patient.Details.BirthDate.String())
		})
	t.Run("a patient of 151 years can be sent back as read, but no other such birth date is accepted",
		func(t *testing.T) {
			patient := registered(t, domain.Input{Name: "A", Gender: "Other", BirthDate: "1876-11-22"})
			before := patient
			moment, calendar := at(t, "2028-01-02T12:00:00Z", "UTC")
			in := echo(patient, calendar.Today)
			require.Equal(t, 151, *in.Age)
			require.NoError(t, patient.Revise(in, moment, calendar))
			require.Equal(t, before, patient)
			in.BirthDate = "1876-11-23"
			require.Equal(t, map[string][]string{"birth_date": {"Must be at most 150 years ago."}},
				fieldErrors(t, patient.Revise(in, moment, calendar)))
		})
	t.Run("a new patient has no echo", func(t *testing.T) {
		_, err := domain.New(owner, domain.Input{Name: "A", Gender: "Other", Age: new(0), BirthDate: "1990-11-28"}, now,
			utc)
		require.Equal(t, map[string][]string{"age": {differs}}, fieldErrors(t, err))
	})
}
