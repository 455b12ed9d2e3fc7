// Package domain has the rules about doctors. It is pure: no store, no HTTP, no clock of its own.
package domain

import (
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/go-ozzo/ozzo-validation/v4/is"

	"healthcare/modules/doctors"
	"healthcare/platform/errs"
	"healthcare/platform/fields"
	"healthcare/platform/recordid"
	"healthcare/platform/text"
)

// Doctor is an entry of the directory.
type Doctor struct {
	ID doctors.ID
	Details
	Version   int // starts at 1 and is incremented by every change
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Details are the fields of a doctor. Empty optional text means unknown.
type Details struct {
	Name           string // 1..255 characters
	Specialization string // 1..255 characters
	Experience     int    // whole years, 0..80
	Email          string // optional
	Phone          string // optional, at most 32 characters
	LicenseNumber  string // optional, at most 64 characters; unique in the directory
}

// Changes are new values of a doctor's fields; nil keeps a value, empty text clears it.
type Changes struct {
	Name           *string
	Specialization *string
	Experience     *int
	Email          *string
	Phone          *string
	LicenseNumber  *string
}

var (
	differing = fields.Comparer[Details]()
	patch     = fields.Patcher[Details, Changes]()
)

// Differing returns the names of the fields in which d and other differ.
func (d Details) Differing(other Details) []string { return differing(d, other) }

// New returns a new doctor. Errors: errs.Invalid with every field that breaks a rule.
func New(details Details, now time.Time) (Doctor, error) {
	fields.Trim(&details)
	if err := details.Validate(); err != nil {
		return Doctor{}, err
	}
	return Doctor{ID: recordid.New[doctors.ID](), Details: details, Version: 1, CreatedAt: now, UpdatedAt: now}, nil
}

// Revise replaces the details. Equal details keep Version and UpdatedAt. Errors: errs.Invalid.
func (d *Doctor) Revise(details Details, now time.Time) error {
	fields.Trim(&details)
	if err := details.Validate(); err != nil {
		return err
	}
	if details != d.Details {
		d.Details, d.Version, d.UpdatedAt = details, d.Version+1, now
	}
	return nil
}

// Amend changes the fields that are given, under the rules of Revise. Errors: errs.Invalid.
func (d *Doctor) Amend(changes Changes, now time.Time) error {
	return d.Revise(changes.applyTo(d.Details), now)
}

// applyTo returns d with the changes applied.
func (c Changes) applyTo(d Details) Details {
	patch(&d, c)
	return d
}

// Validate checks all fields. Lengths are in code points. Errors: errs.Invalid with every field that breaks a rule.
func (d Details) Validate() error {
	fields.Trim(&d)
	return errs.Fields(validation.Errors{
		"name":           validation.Validate(d.Name, notBlank, atMost255),
		"specialization": validation.Validate(d.Specialization, notBlank, atMost255),
		"experience": validation.Validate(d.Experience, validation.Min(0).Error(experienceRange),
			validation.Max(80).Error(experienceRange)),
		"email": validation.Validate(d.Email, is.EmailFormat.Error("Must be an e-mail address."),
			validation.RuneLength(0, 254).Error("Must have at most 254 characters.")),
		"phone": validation.Validate(d.Phone,
			validation.RuneLength(0, 32).Error("Must have at most 32 characters.")),
		"license_number": validation.Validate(d.LicenseNumber,
			validation.RuneLength(0, 64).Error("Must have at most 64 characters.")),
	})
}

const experienceRange = "Must be between 0 and 80."

var (
	notBlank  = validation.By(text.NotBlank)
	atMost255 = validation.RuneLength(1, 255).Error("Must have at most 255 characters.")
)
