package domain

import (
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"

	"healthcare/modules/appointments"
	"healthcare/platform/errs"
	"healthcare/platform/fields"
	"healthcare/platform/recordid"
	"healthcare/platform/text"
)

// TypeID identifies an appointment type.
type TypeID = recordid.Of[Type]

// ParseTypeID reads an id in its canonical form. Errors: appointments.ErrTypeNotFound.
func ParseTypeID(s string) (TypeID, error) {
	return recordid.Parse[TypeID](s, appointments.ErrTypeNotFound)
}

// Type is a kind of appointment that the practice offers.
type Type struct {
	ID TypeID
	TypeDetails
	Version   int // starts at 1 and is incremented by every change
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TypeDetails are the details of an appointment type. Times are in minutes.
type TypeDetails struct {
	Name              string // 1..100 characters, unique
	Minutes           int    // of the visit: 5 to 480
	BufferBefore      int    // of the doctor, before the visit: 0 to 120
	BufferAfter       int    // of the doctor, after the visit: 0 to 120
	Capacity          int    // patients who visit together: 1 to 50
	NeedsConfirmation bool
	ForPatients       bool // patients book it themselves
	Active            bool // it can be booked
}

// TypeChanges are new values of the details; nil keeps a value.
type TypeChanges struct {
	Name              *string
	Minutes           *int
	BufferBefore      *int
	BufferAfter       *int
	Capacity          *int
	NeedsConfirmation *bool
	ForPatients       *bool
	Active            *bool
}

// TypeInput are the details of a new type; nil is the default.
type TypeInput TypeChanges

// TypeFilter narrows a list of types. The zero TypeFilter matches all.
type TypeFilter struct {
	Active          *bool
	ShownToPatients bool // only types that patients can book
}

var (
	differingTypes = fields.Comparer[TypeDetails]()
	patchType      = fields.Patcher[TypeDetails, TypeChanges]()
)

// Differing returns the names of the fields in which d and other differ.
func (d TypeDetails) Differing(other TypeDetails) []string { return differingTypes(d, other) }

// NewType returns a new type. Errors: errs.Invalid with every field that breaks a rule.
func NewType(input TypeInput, now time.Time) (Type, error) {
	details := input.details()
	if err := details.Validate(); err != nil {
		return Type{}, err
	}
	return Type{
		ID: recordid.New[TypeID](), TypeDetails: details, Version: 1, CreatedAt: now, UpdatedAt: now,
	}, nil
}

// details returns the details of the input, with the defaults.
func (i TypeInput) details() TypeDetails {
	details := TypeDetails{Capacity: 1, Active: true}
	patchType(&details, TypeChanges(i))
	fields.Trim(&details)
	return details
}

// Validate checks all fields. Errors: errs.Invalid with every field that breaks a rule.
func (i TypeInput) Validate() error { return i.details().Validate() }

// Amend changes the fields that are given. If no value differs, Version and UpdatedAt stay the same. Errors:
// errs.Invalid.
func (t *Type) Amend(changes TypeChanges, now time.Time) error {
	details := t.TypeDetails
	patchType(&details, changes)
	fields.Trim(&details)
	if err := details.Validate(); err != nil {
		return err
	}
	if details != t.TypeDetails {
		t.TypeDetails, t.Version, t.UpdatedAt = details, t.Version+1, now
	}
	return nil
}

// IsShownToPatients reports whether patients see the type, because they can book it.
func (d TypeDetails) IsShownToPatients() bool { return d.Active && d.ForPatients }

// Validate checks all fields. Errors: errs.Invalid with every field that breaks a rule.
func (d TypeDetails) Validate() error {
	return errs.Fields(validation.Errors{
		"name": validation.Validate(d.Name, validation.By(text.NotBlank),
			validation.RuneLength(1, 100).Error("Must have at most 100 characters.")),
		"minutes":       between(d.Minutes, 5, 480),
		"buffer_before": between(d.BufferBefore, 0, 120),
		"buffer_after":  between(d.BufferAfter, 0, 120),
		"capacity":      between(d.Capacity, 1, 50),
	})
}
