package domain

import (
	"errors"
	"slices"
	"strings"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/go-ozzo/ozzo-validation/v4/is"

	"healthcare/platform/errs"
	"healthcare/platform/fields"
	"healthcare/platform/text"
)

// Details are the fields of a patient, valid and in their canonical form. Empty optional text means unknown.
type Details struct {
	Name                string // 1..255 characters
	Gender              string // one of Genders
	Age                 int    // whole years, 0..150; 0 if there is a birth date
	BirthDate           Date   // or zero
	Email               string
	Phone               string // at most 32 characters
	Address             string // at most 1,000 characters
	MedicalRecordNumber string // at most 64 characters; unique among the owner's patients
	Notes               string // at most 10,000 characters
}

// Genders are the values of gender (FHIR R4 administrative-gender, capitalised as in the original service).
var Genders = []string{"Male", "Female", "Other", "Unknown"}

// Input is a user's description of a patient, not yet validated.
type Input struct {
	Name                string
	Gender              string // in any letter case
	Age                 *int   // nil: not given
	BirthDate           string // YYYY-MM-DD; empty: not given
	Email               string
	Phone               string
	Address             string
	MedicalRecordNumber string
	Notes               string
}

// Changes are new values of a patient's fields; nil keeps a value, empty text clears it.
type Changes struct {
	Name                *string
	Gender              *string
	Age                 *int
	AgeUnknown          bool // clears the age, which needs a birth date; Age is nil
	BirthDate           *string
	Email               *string
	Phone               *string
	Address             *string
	MedicalRecordNumber *string
	Notes               *string
}

var (
	differing = fields.Comparer[Details]()
	inputOf   = fields.Mapper[Details, Input]("Age")
	detailsOf = fields.Mapper[Input, Details]("Gender", "Age", "BirthDate")
	patch     = fields.Patcher[Input, Changes]("AgeUnknown")
)

// Differing returns the names of the fields in which d and other differ.
func (d Details) Differing(other Details) []string { return differing(d, other) }

// applyTo returns the input that describes d with the changes applied.
func (c Changes) applyTo(d Details) Input {
	in := inputOf(d)
	if d.BirthDate == (Date{}) {
		in.Age = &d.Age
	}
	if c.AgeUnknown || c.BirthDate != nil && strings.TrimSpace(*c.BirthDate) != "" {
		in.Age = nil // a birth date replaces the age; an age that is sent with it must agree
	}
	patch(&in, c)
	return in
}

// Validate checks the rules that need no calendar, and names every field that breaks one. Errors: errs.Invalid.
func (in Input) Validate() error {
	fields.Trim(&in)
	return errs.Fields(in.checks())
}

// details validates all fields and returns them in their canonical form. The stored birth date, known, is always
// accepted: it was valid once, and a client may send back the patient as read. Errors: errs.Invalid.
func (in Input) details(calendar Calendar, known Date) (Details, error) {
	fields.Trim(&in)
	checks := in.checks()
	born, _ := ParseDate(in.BirthDate)
	if in.BirthDate != "" && checks["birth_date"] == nil {
		if born != known {
			checks["birth_date"] = plausible(born, calendar)
		}
		if in.Age != nil && checks["age"] == nil && checks["birth_date"] == nil && !calendar.agrees(*in.Age, born) {
			checks["age"] = errors.New("Must agree with birth_date.")
		}
	}
	if err := errs.Fields(checks); err != nil {
		return Details{}, err
	}
	details := detailsOf(in)
	details.Gender, details.BirthDate = canonical(in.Gender), born
	if in.BirthDate == "" {
		details.Age = *in.Age
	}
	return details, nil
}

const (
	ageRange  = "Must be between 0 and 150."
	oldestAge = 150 // years
)

func (in Input) checks() validation.Errors {
	age := ageRules
	if in.BirthDate == "" {
		age = append([]validation.Rule{validation.NotNil.Error("Give an age or a birth_date.")}, age...)
	}
	return validation.Errors{
		"name":                  validation.Validate(in.Name, notBlank, atMost255),
		"gender":                validation.Validate(in.Gender, notBlank, validation.By(knownGender)),
		"age":                   validation.Validate(in.Age, age...),
		"birth_date":            validation.Validate(in.BirthDate, isoDate),
		"email":                 validation.Validate(in.Email, emailAddress, atMost254),
		"phone":                 validation.Validate(in.Phone, atMost32),
		"address":               validation.Validate(in.Address, atMost1000),
		"medical_record_number": validation.Validate(in.MedicalRecordNumber, atMost64),
		"notes":                 validation.Validate(in.Notes, atMost10000),
	}
}

// atMost returns a rule that limits the length of a text, in code points.
func atMost(characters int) validation.Rule {
	return validation.RuneLength(0, characters).Error("Must have at most {{.max}} characters.")
}

// Validation rules are created once, because creating a rule takes as long as applying it.
var (
	notBlank     = validation.By(text.NotBlank)
	emailAddress = is.EmailFormat.Error("Must be an e-mail address.")
	isoDate      = validation.Date("2006-01-02").Error("Must be a date: YYYY-MM-DD.")
	ageRules     = []validation.Rule{validation.Min(0).Error(ageRange), validation.Max(oldestAge).Error(ageRange)}

	atMost32, atMost64, atMost254 = atMost(32), atMost(64), atMost(254)

	atMost255, atMost1000, atMost10000 = atMost(255), atMost(1000), atMost(10000)
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
