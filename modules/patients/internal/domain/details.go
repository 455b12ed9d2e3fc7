package domain

import (
	"errors"
	"slices"
	"strings"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/go-ozzo/ozzo-validation/v4/is"

	"healthcare/platform/errs"
	"healthcare/platform/text"
)

// Details is what is known about a patient, every rule kept. Empty optional text means unknown.
type Details struct {
	Name                string // 1..255 characters
	Gender              string // one of Genders
	Age                 int    // whole years, 0..150; 0 while there is a birth date, which knows better
	BirthDate           Date   // or zero
	Email               string
	Phone               string // at most 32 characters
	Address             string // at most 1,000 characters
	MedicalRecordNumber string // at most 64 characters; unique among the owner's patients
	Notes               string // at most 10,000 characters
}

// Genders are the values of gender (FHIR R4 administrative-gender, capitalised as the original service does).
var Genders = []string{"Male", "Female", "Other", "Unknown"}

// Said is what a user says about a patient, not yet checked.
type Said struct {
	Name                string
	Gender              string // in any letter case
	Age                 *int   // nil: not said
	BirthDate           string // YYYY-MM-DD; empty: not said
	Email               string
	Phone               string
	Address             string
	MedicalRecordNumber string
	Notes               string
}

// Changes are the details a user wants changed; nil stays as it is, empty text clears.
type Changes struct {
	Name                *string
	Gender              *string
	Age                 *int
	AgeUnknown          bool // the age is no longer known: a birth date has to be; Age is nil
	BirthDate           *string
	Email               *string
	Phone               *string
	Address             *string
	MedicalRecordNumber *string
	Notes               *string
}

// applyTo returns d with the changes applied, as a user would send it.
func (c Changes) applyTo(d Details) Said {
	said := Said{
		Name: d.Name, Gender: d.Gender, BirthDate: d.BirthDate.String(), Email: d.Email, Phone: d.Phone, Address: d.Address,
		MedicalRecordNumber: d.MedicalRecordNumber, Notes: d.Notes,
	}
	if d.BirthDate == (Date{}) {
		said.Age = &d.Age
	}
	if c.AgeUnknown || c.BirthDate != nil && strings.TrimSpace(*c.BirthDate) != "" {
		said.Age = nil // a birth date replaces the age that was known; one sent beside it must agree
	}
	if c.Age != nil {
		said.Age = c.Age
	}
	for field, change := range map[*string]*string{
		&said.Name: c.Name, &said.Gender: c.Gender, &said.BirthDate: c.BirthDate, &said.Email: c.Email, &said.Phone: c.Phone,
		&said.Address: c.Address, &said.MedicalRecordNumber: c.MedicalRecordNumber, &said.Notes: c.Notes,
	} {
		if change != nil {
			*field = *change
		}
	}
	return said
}

// Validate names every field that breaks a rule which needs no calendar, at once. Errors: errs.Invalid.
func (s Said) Validate() error {
	return errs.Fields(s.trimmed().checks())
}

// details checks all fields at once and returns them in their canonical form. A birth date that is known already
// passes: it was accepted once, and what was read can be put back. Errors: errs.Invalid.
func (s Said) details(calendar Calendar, known Date) (Details, error) {
	s = s.trimmed()
	checks := s.checks()
	born, _ := ParseDate(s.BirthDate)
	if s.BirthDate != "" && checks["birth_date"] == nil {
		if born != known {
			checks["birth_date"] = plausible(born, calendar)
		}
		if s.Age != nil && checks["age"] == nil && checks["birth_date"] == nil && !calendar.agrees(*s.Age, born) {
			checks["age"] = errors.New("Must agree with birth_date.")
		}
	}
	if err := errs.Fields(checks); err != nil {
		return Details{}, err
	}
	details := Details{
		Name: s.Name, Gender: canonical(s.Gender), BirthDate: born, Email: s.Email, Phone: s.Phone, Address: s.Address,
		MedicalRecordNumber: s.MedicalRecordNumber, Notes: s.Notes,
	}
	if s.BirthDate == "" {
		details.Age = *s.Age
	}
	return details, nil
}

const (
	ageRange  = "Must be between 0 and 150."
	oldestAge = 150 // years
)

func (s Said) checks() validation.Errors {
	age := anAge
	if s.BirthDate == "" {
		age = append([]validation.Rule{validation.NotNil.Error("Give an age or a birth_date.")}, age...)
	}
	return validation.Errors{
		"name":                  validation.Validate(s.Name, notBlank, atMost255),
		"gender":                validation.Validate(s.Gender, notBlank, validation.By(knownGender)),
		"age":                   validation.Validate(s.Age, age...),
		"birth_date":            validation.Validate(s.BirthDate, aDate),
		"email":                 validation.Validate(s.Email, anAddress, atMost254),
		"phone":                 validation.Validate(s.Phone, atMost32),
		"address":               validation.Validate(s.Address, atMost1000),
		"medical_record_number": validation.Validate(s.MedicalRecordNumber, atMost64),
		"notes":                 validation.Validate(s.Notes, atMost10000),
	}
}

// atMost bounds a text in code points.
func atMost(characters int) validation.Rule {
	return validation.RuneLength(0, characters).Error("Must have at most {{.max}} characters.")
}

// Rules are made once: making one takes as long as asking it.
var (
	notBlank  = validation.By(text.NotBlank)
	anAddress = is.EmailFormat.Error("Must be an e-mail address.")
	aDate     = validation.Date("2006-01-02").Error("Must be a date: YYYY-MM-DD.")
	anAge     = []validation.Rule{validation.Min(0).Error(ageRange), validation.Max(oldestAge).Error(ageRange)}

	atMost32, atMost64, atMost254, atMost255, atMost1000, atMost10000 = atMost(32), atMost(64), atMost(254), atMost(255), atMost(1000), atMost(10000)
)

func canonical(gender string) string {
	at := slices.IndexFunc(Genders, func(known string) bool { return strings.EqualFold(known, gender) })
	if at < 0 {
		return ""
	}
	return Genders[at]
}

func knownGender(value any) error {
	if canonical(value.(string)) == "" {
		return errors.New("Must be one of " + strings.Join(Genders, ", ") + ".")
	}
	return nil
}

func plausible(born Date, calendar Calendar) error {
	if born.After(calendar.latest) {
		return errors.New("Must not be in the future.")
	}
	if calendar.earliest.yearsBefore(oldestAge).After(born) {
		return errors.New("Must be at most 150 years ago.")
	}
	return nil
}

func (s Said) trimmed() Said {
	for _, text := range []*string{&s.Name, &s.Gender, &s.BirthDate, &s.Email, &s.Phone, &s.Address, &s.MedicalRecordNumber, &s.Notes} {
		*text = strings.TrimSpace(*text)
	}
	return s
}

// Different names the fields in which other is not the same, as clients know them; never a value.
func (d Details) Different(other Details) (fields []string) {
	for _, field := range []struct {
		name string
		same bool
	}{
		{"name", d.Name == other.Name}, {"gender", d.Gender == other.Gender}, {"age", d.Age == other.Age},
		{"birth_date", d.BirthDate == other.BirthDate}, {"email", d.Email == other.Email}, {"phone", d.Phone == other.Phone},
		{"address", d.Address == other.Address}, {"medical_record_number", d.MedicalRecordNumber == other.MedicalRecordNumber},
		{"notes", d.Notes == other.Notes},
	} {
		if !field.same {
			fields = append(fields, field.name)
		}
	}
	return fields
}
