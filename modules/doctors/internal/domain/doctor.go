// Package domain holds the rules about doctors. It is pure: no store, no HTTP, no clock of its own.
package domain

import (
	"strings"
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/go-ozzo/ozzo-validation/v4/is"

	"healthcare/modules/doctors"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
	"healthcare/platform/text"
)

// Doctor is an entry of the directory.
type Doctor struct {
	ID doctors.ID
	Details
	Version   int // counts the changes, from 1
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Details is what users say about a doctor. Empty optional text means unknown.
type Details struct {
	Name           string // 1..255 characters
	Specialization string // 1..255 characters
	Experience     int    // whole years, 0..80
	Email          string // optional
	Phone          string // optional, at most 32 characters
	LicenseNumber  string // optional, at most 64 characters; unique in the directory
}

// Changes are the details a user wants changed; nil stays as it is.
type Changes struct {
	Name           *string
	Specialization *string
	Experience     *int
	Email          *string
	Phone          *string
	LicenseNumber  *string
}

// New makes a directory entry. Errors: errs.Invalid with every field that breaks a rule.
func New(details Details, now time.Time) (Doctor, error) {
	details = details.trimmed()
	if err := details.Validate(); err != nil {
		return Doctor{}, err
	}
	return Doctor{ID: recordid.New[doctors.ID](), Details: details, Version: 1, CreatedAt: now, UpdatedAt: now}, nil
}

// Revise replaces the details. What changes nothing leaves version and time alone. Errors: errs.Invalid.
func (d *Doctor) Revise(details Details, now time.Time) error {
	details = details.trimmed()
	if err := details.Validate(); err != nil {
		return err
	}
	if details != d.Details {
		d.Details, d.Version, d.UpdatedAt = details, d.Version+1, now
	}
	return nil
}

// Amend changes the details that are said. Errors: errs.Invalid.
func (d *Doctor) Amend(changes Changes, now time.Time) error {
	details := d.Details
	set(&details.Name, changes.Name)
	set(&details.Specialization, changes.Specialization)
	set(&details.Experience, changes.Experience)
	set(&details.Email, changes.Email)
	set(&details.Phone, changes.Phone)
	set(&details.LicenseNumber, changes.LicenseNumber)
	return d.Revise(details, now)
}

func set[T any](field *T, change *T) {
	if change != nil {
		*field = *change
	}
}

// Validate names every field that breaks a rule, at once. Lengths are in code points. Errors: errs.Invalid.
func (d Details) Validate() error {
	d = d.trimmed()
	return errs.Fields(validation.Errors{
		"name":           validation.Validate(d.Name, notBlank, atMost255),
		"specialization": validation.Validate(d.Specialization, notBlank, atMost255),
		"experience":     validation.Validate(d.Experience, validation.Min(0).Error(years), validation.Max(80).Error(years)),
		"email": validation.Validate(d.Email, is.EmailFormat.Error("Must be an e-mail address."),
			validation.RuneLength(0, 254).Error("Must have at most 254 characters.")),
		"phone":          validation.Validate(d.Phone, validation.RuneLength(0, 32).Error("Must have at most 32 characters.")),
		"license_number": validation.Validate(d.LicenseNumber, validation.RuneLength(0, 64).Error("Must have at most 64 characters.")),
	})
}

const years = "Must be between 0 and 80."

var (
	notBlank  = validation.By(text.NotBlank)
	atMost255 = validation.RuneLength(1, 255).Error("Must have at most 255 characters.")
)

func (d Details) trimmed() Details {
	for _, text := range []*string{&d.Name, &d.Specialization, &d.Email, &d.Phone, &d.LicenseNumber} {
		*text = strings.TrimSpace(*text)
	}
	return d
}

// Different names the fields in which other is not the same, as clients know them.
func (d Details) Different(other Details) (fields []string) {
	for _, field := range []struct {
		name string
		same bool
	}{
		{"name", d.Name == other.Name}, {"specialization", d.Specialization == other.Specialization}, {"experience", d.Experience == other.Experience},
		{"email", d.Email == other.Email}, {"phone", d.Phone == other.Phone}, {"license_number", d.LicenseNumber == other.LicenseNumber},
	} {
		if !field.same {
			fields = append(fields, field.name)
		}
	}
	return fields
}
