package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients/internal/domain"
)

// TestAmend tests PATCH: fields that are sent change, others stay, and null or "" clears an optional field.
func TestAmend(t *testing.T) {
	for _, c := range []struct {
		name   string
		amend  domain.Changes
		differ func(*domain.Details) // applies the only expected difference
	}{
		{"the name alone", domain.Changes{Name: new("Bea")}, func(d *domain.Details) { d.Name = "Bea" }},
		{"the gender alone, made canonical", domain.Changes{Gender: new("OTHER")},
			func(d *domain.Details) { d.Gender = "Other" }},
		{"the age alone, to zero", domain.Changes{Age: new(0)}, func(d *domain.Details) { d.Age = 0 }},
		{"the e-mail address alone", domain.Changes{Email: new("b@example.com")},
			func(d *domain.Details) { d.Email = "b@example.com" }},
		{"the phone number alone", domain.Changes{Phone: new("2")}, func(d *domain.Details) { d.Phone = "2" }},
		{"the address alone", domain.Changes{Address: new("2 Lake Road")},
			func(d *domain.Details) { d.Address = "2 Lake Road" }},
		{"the medical record number alone", domain.Changes{MedicalRecordNumber: new("8")},
			func(d *domain.Details) { d.MedicalRecordNumber = "8" }},
		{"the notes alone", domain.Changes{Notes: new("None.")}, func(d *domain.Details) { d.Notes = "None." }},

		{"the e-mail address to empty text", domain.Changes{Email: new("")}, func(d *domain.Details) { d.Email = "" }},
		{"the phone number to empty text", domain.Changes{Phone: new("")}, func(d *domain.Details) { d.Phone = "" }},
		{"the address to empty text", domain.Changes{Address: new(" ")}, func(d *domain.Details) { d.Address = "" }},
		{"the medical record number to empty text", domain.Changes{MedicalRecordNumber: new("")},
			func(d *domain.Details) { d.MedicalRecordNumber = "" }},
		{"the notes to empty text", domain.Changes{Notes: new("")}, func(d *domain.Details) { d.Notes = "" }},
	} {
		t.Run("changes "+c.name, func(t *testing.T) {
			patient := registered(t, ananya())
			want := patient
			want.Version, want.UpdatedAt = 2, later
			c.differ(&want.Details)
			require.NoError(t, patient.Amend(c.amend, later, utc))
			require.Equal(t, want, patient)
		})
	}
	for name, amend := range map[string]domain.Changes{
		"no changes": {},
		"equal values": {Name: new(" Ananya Verma "), Gender: new("female"), Age: new(31),
			Notes: new("Allergic to penicillin.")},
		"null for an unknown birth date":   {BirthDate: new("")},
		"spaces for an unknown birth date": {BirthDate: new("  ")},
	} {
		t.Run("amending with "+name+" keeps version and time", func(t *testing.T) {
			patient := registered(t, ananya())
			before := patient
			require.NoError(t, patient.Amend(amend, later, utc))
			require.Equal(t, before, patient)
		})
	}
	for name, c := range map[string]struct {
		amend domain.Changes
		field string
	}{
		"clears the name":             {domain.Changes{Name: new("")}, "name"},
		"blanks the name":             {domain.Changes{Name: new(" ")}, "name"},
		"clears the gender":           {domain.Changes{Gender: new("")}, "gender"},
		"sets an impossible age":      {domain.Changes{Age: new(-1)}, "age"},
		"sets a malformed birth date": {domain.Changes{BirthDate: new("soon")}, "birth_date"},
	} {
		t.Run("an amendment that "+name+" is rejected and changes nothing", func(t *testing.T) {
			patient := registered(t, ananya())
			before := patient
			c.amend.Phone = new("another, so that something would change")
			refused := fieldErrors(t, patient.Amend(c.amend, later, utc))
			require.Contains(t, refused, c.field)
			require.Equal(t, before, patient)
		})
	}
}

func TestAmendingAgeAndBirthDate(t *testing.T) {
	aged := domain.Input{Name: "A", Gender: "Other", Age: new(31)}
	born := domain.Input{Name: "A", Gender: "Other", BirthDate: "1995-11-22"} // 31 today
	for _, c := range []struct {
		name  string
		from  domain.Input
		amend domain.Changes
		born  string // afterwards
		age   int    // afterwards, as stored
	}{
		{"a birth date replaces the age that was known", aged, domain.Changes{BirthDate: new("2000-01-01")},
			"2000-01-01", 0},
		{"a birth date may be sent with an age that agrees", aged,
			domain.Changes{BirthDate: new("2000-01-01"), Age: new(26)}, "2000-01-01", 0},
		{"another birth date replaces the one before", born, domain.Changes{BirthDate: new("2000-01-01")}, "2000-01-01",
			0},
		{"an age that agrees with the known birth date changes nothing", born, domain.Changes{Age: new(31)},
			"1995-11-22", 0},
		{"an age takes the place of a birth date that is cleared", born,
			domain.Changes{BirthDate: new(""), Age: new(40)}, "", 40},
		{"a null age keeps the birth date", born, domain.Changes{AgeUnknown: true}, "1995-11-22", 0},
		{"a birth date takes the place of an age that is cleared", aged,
			domain.Changes{BirthDate: new("2000-01-01"), AgeUnknown: true}, "2000-01-01", 0},
		{"a change of another field keeps the birth date", born, domain.Changes{Phone: new("1")}, "1995-11-22", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			patient := registered(t, c.from)
			require.NoError(t, patient.Amend(c.amend, later, utc))
			require.Equal(t, c.born, patient.Details.BirthDate.String())
			require.Equal(t, c.age, patient.Details.Age)
		})
	}
	for _, c := range []struct {
		name    string
		from    domain.Input
		amend   domain.Changes
		refused string
	}{
		{"an age may not contradict the known birth date", born, domain.Changes{Age: new(29)},
			"Must agree with birth_date."},
		{"an age may not contradict the birth date sent with it", aged,
			domain.Changes{BirthDate: new("2000-01-01"), Age: new(30)}, "Must agree with birth_date."},
		{"a birth date may not be cleared without an age", born, domain.Changes{BirthDate: new("")},
			"Give an age or a birth_date."},
		{"a birth date may not be cleared together with the age", born,
			domain.Changes{BirthDate: new(""), AgeUnknown: true}, "Give an age or a birth_date."},
		{"an age may not be cleared where no birth date is known", aged, domain.Changes{AgeUnknown: true},
			"Give an age or a birth_date."},
	} {
		t.Run(c.name, func(t *testing.T) {
			patient := registered(t, c.from)
			require.Equal(t, map[string][]string{"age": {c.refused}},
				fieldErrors(t, patient.Amend(c.amend, later, utc)))
		})
	}
}
