package domain_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients/internal/domain"
)

// TestDetailsBounds tries each rule of the contract on both sides of its boundary.
func TestDetailsBounds(t *testing.T) {
	// "ä" is two bytes and one code point; "𝒜" is four bytes, and two units in UTF-16.
	wide := func(characters int) string { return strings.Repeat("ä", characters-1) + "𝒜" }
	const (
		blank   = "This field may not be blank."
		range_  = "Must be between 0 and 150."
		tooLong = "Must have at most "
	)
	for _, c := range []struct {
		name    string
		set     func(*domain.Input)
		field   string
		refusal string // the beginning of the message; empty: accepted
	}{
		{"a name of 1 character", func(s *domain.Input) { s.Name = "A" }, "name", ""},
		{"a name of 255 characters", func(s *domain.Input) { s.Name = wide(255) }, "name", ""},
		{"a name of 255 characters between spaces", func(s *domain.Input) { s.Name = " \t" + wide(255) + "\u00a0\n" },
			"name", ""},
		{"a name of 256 characters", func(s *domain.Input) { s.Name = wide(256) }, "name", tooLong + "255 characters."},
		{"an empty name", func(s *domain.Input) { s.Name = "" }, "name", blank},
		{"a name of spaces", func(s *domain.Input) { s.Name = " \t\u2003" }, "name", blank},

		{"a gender in another letter case", func(s *domain.Input) { s.Gender = " fEMALE " }, "gender", ""},
		{"an empty gender", func(s *domain.Input) { s.Gender = "" }, "gender", blank},
		{"another gender", func(s *domain.Input) { s.Gender = "Females" }, "gender",
			"Must be one of Male, Female, Other, Unknown."},

		{"an age of 0", func(s *domain.Input) { s.Age = new(0) }, "age", ""},
		{"an age of 150", func(s *domain.Input) { s.Age = new(150) }, "age", ""},
		{"an age of -1", func(s *domain.Input) { s.Age = new(-1) }, "age", range_},
		{"an age of 151", func(s *domain.Input) { s.Age = new(151) }, "age", range_},
		{"an age of more than 32 bits", func(s *domain.Input) { s.Age = new(1<<32 + 30) }, "age", range_},
		{"neither age nor birth date", func(s *domain.Input) { s.Age = nil }, "age", "Give an age or a birth_date."},

		{"no e-mail address", func(s *domain.Input) { s.Email = "" }, "email", ""},
		{"an e-mail address of 254 characters",
			func(s *domain.Input) { s.Email = strings.Repeat("a", 242) + "@example.com" }, "email", ""},
		{"an e-mail address of 255 characters",
			func(s *domain.Input) { s.Email = strings.Repeat("a", 243) + "@example.com" }, "email",
			tooLong + "254 characters."},
		{"a malformed e-mail address", func(s *domain.Input) { s.Email = "example.com" }, "email",
			"Must be an e-mail address."},

		{"a phone number of 32 characters", func(s *domain.Input) { s.Phone = wide(32) }, "phone", ""},
		{"a phone number of 33 characters", func(s *domain.Input) { s.Phone = wide(33) }, "phone",
			tooLong + "32 characters."},
		{"an address of 1000 characters", func(s *domain.Input) { s.Address = wide(1000) }, "address", ""},
		{"an address of 1001 characters", func(s *domain.Input) { s.Address = wide(1001) }, "address",
			tooLong + "1000 characters."},
		{"a medical record number of 64 characters", func(s *domain.Input) { s.MedicalRecordNumber = wide(64) },
			"medical_record_number", ""},
		{"a medical record number of 65 characters", func(s *domain.Input) { s.MedicalRecordNumber = wide(65) },
			"medical_record_number", tooLong + "64 characters."},
		{"notes of 10000 characters", func(s *domain.Input) { s.Notes = wide(10_000) }, "notes", ""},
		{"notes of 10001 characters", func(s *domain.Input) { s.Notes = wide(10_001) }, "notes",
			tooLong + "10000 characters."},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := ananya()
			c.set(&in)
			_, err := domain.New(owner, in, now, utc)
			require.Equal(t, err == nil, in.Validate() == nil, "Validate checks every rule that needs no calendar")
			if c.refusal == "" {
				require.NoError(t, err)
				return
			}
			refused := fieldErrors(t, err)
			require.Len(t, refused, 1)
			require.Len(t, refused[c.field], 1)
			require.True(t, strings.HasPrefix(refused[c.field][0], c.refusal), refused[c.field][0])
		})
	}
}

func TestDetailsAreCanonical(t *testing.T) {
	for in, kept := range map[string]string{
		"male": "Male", "MALE": "Male", "Female": "Female", "oTHER": "Other", "\tunknown ": "Unknown",
	} {
		t.Run("the gender "+strings.TrimSpace(in)+" is stored as "+kept, func(t *testing.T) {
			require.Equal(t, kept, registered(t, domain.Input{Name: "A", Gender: in, Age: new(1)}).Details.Gender)
		})
	}
	t.Run("every text is trimmed at its ends only", func(t *testing.T) {
		patient := registered(t, domain.Input{
			Name: " Anne  Marie\n", Gender: " other\t", BirthDate: " 2000-01-01 ",
			Email: "\ta@example.com ", Phone: " 1  2 ", Address: "\n1 Road\n2 Town\n",
			MedicalRecordNumber: "\u00a07\u00a0", Notes: "  \n ",
		})
		require.Equal(t, domain.Details{
			Name: "Anne  Marie", Gender: "Other", BirthDate: date(t, "2000-01-01"),
			Email: "a@example.com", Phone: "1  2", Address: "1 Road\n2 Town",
			MedicalRecordNumber: "7",
		}, patient.Details)
	})
}

func TestAllInvalidFieldsAreReported(t *testing.T) {
	long := strings.Repeat("x", 10_001)
	in := domain.Input{Age: new(-1)}
	for fields, i := reflect.ValueOf(&in).Elem(), 0; i < fields.NumField(); i++ { // every text has a bound
		if fields.Field(i).Kind() == reflect.String {
			fields.Field(i).SetString(long)
		}
	}
	_, err := domain.New(owner, in, now, utc)
	refused := fieldErrors(t, err)
	for field := range refused {
		require.Len(t, refused[field], 1, field)
	}
	require.Len(t, refused, reflect.TypeOf(in).NumField())
	require.NotContains(t, err.Error(), long, "the error is logged, so it must not quote the input")
}

func TestBirthDate(t *testing.T) { // today is 2026-11-22, and already 2026-11-23 east of UTC
	for _, c := range []struct {
		name, born string
		age        *int
		want       int                 // the age today, when accepted
		refused    map[string][]string // otherwise
	}{
		{"may be today", "2026-11-22", nil, 0, nil},
		{"may be a day that has begun somewhere", "2026-11-23", nil, 0, nil},
		{"may not be a day that has begun nowhere", "2026-11-24", nil, 0,
			map[string][]string{"birth_date": {"Must not be in the future."}}},
		{"may be 150 years ago", "1876-11-22", nil, 150, nil},
		{"may not be 150 years and a day ago", "1876-11-21", nil, 0,
			map[string][]string{"birth_date": {"Must be at most 150 years ago."}}},
		{"must exist", "2025-02-29", nil, 0, map[string][]string{"birth_date": {"Must be a date: YYYY-MM-DD."}}},
		{"may not be a time", "2025-02-28T00:00:00Z", nil, 0,
			map[string][]string{"birth_date": {"Must be a date: YYYY-MM-DD."}}},
		{"may be 29 February of a leap year", "2024-02-29", nil, 2, nil},
		{"agrees with the age on the birthday", "1995-11-22", new(31), 31, nil},
		{"agrees with the age on the day before the birthday", "1995-11-23", new(30), 30, nil},
		{"agrees with the age that has been reached in another time zone", "1995-11-23", new(31), 30, nil},
		{"does not agree with the age of next year", "1995-11-24", new(31), 0,
			map[string][]string{"age": {"Must agree with birth_date."}}},
		{"does not agree with the age of last year", "1995-11-22", new(30), 0,
			map[string][]string{"age": {"Must agree with birth_date."}}},
		{"in the future is reported as such, without the disagreement", "2027-01-01", new(3), 0,
			map[string][]string{"birth_date": {"Must not be in the future."}}},
		{"does not hide an impossible age", "1995-11-22", new(151), 0,
			map[string][]string{"age": {"Must be between 0 and 150."}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			patient, err := domain.New(owner, domain.Input{Name: "A", Gender: "Other", BirthDate: c.born, Age: c.age},
				now, utc)
			if c.refused != nil {
				require.Equal(t, c.refused, fieldErrors(t, err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, patient.Age(domain.DateOf(now)))
		})
	}
	t.Run("makes the age grow by itself", func(t *testing.T) {
		patient := registered(t, domain.Input{Name: "A", Gender: "Other", BirthDate: "1995-11-23"})
		require.Equal(t, 30, patient.Age(date(t, "2026-11-22")))
		require.Equal(t, 31, patient.Age(date(t, "2026-11-23")))
	})
}
