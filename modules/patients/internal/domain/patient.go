// Package domain has the rules about patients. It is pure: no store, no HTTP, no clock of its own.
package domain

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// Patient is one user's record of a person.
type Patient struct {
	ID        patients.ID
	OwnerID   uuid.UUID // changed by transfers only
	Details   Details
	Version   int // starts at 1 and is incremented by every change
	CreatedAt time.Time
	UpdatedAt time.Time

	Reason patients.Reason // why the user of the scope may see the patient; not stored
}

// New returns a new patient of the owner. Errors: errs.Invalid with every field that breaks a rule.
func New(owner uuid.UUID, in Input, now time.Time, calendar Calendar) (Patient, error) {
	details, err := in.details(calendar, Date{})
	if err != nil {
		return Patient{}, err
	}
	id := recordid.New[patients.ID]()
	return Patient{
		ID: id, OwnerID: owner, Details: details, Version: 1, CreatedAt: now, UpdatedAt: now, Reason: patients.Owned,
	}, nil
}

// Revise replaces the details. An age sent with a birth date is ignored if it is the age that the patient shows, so
// that a client can send back the patient as read. Equal details keep Version and UpdatedAt. Errors: errs.Invalid.
func (p *Patient) Revise(in Input, now time.Time, calendar Calendar) error {
	if in.Age != nil && strings.TrimSpace(in.BirthDate) != "" && p.shows(*in.Age, calendar) {
		in.Age = nil
	}
	details, err := in.details(calendar, p.Details.BirthDate)
	if err != nil {
		return err
	}
	if details != p.Details {
		p.Details, p.Version, p.UpdatedAt = details, p.Version+1, now
	}
	return nil
}

// Amend changes the fields that are given, under the rules of Revise. Errors: errs.Invalid.
func (p *Patient) Amend(changes Changes, now time.Time, calendar Calendar) error {
	return p.Revise(changes.applyTo(p.Details), now, calendar)
}

// CheckChangedBy returns an error if a user who does not own the patient changed the medical record number from that of
// before: a conflict would disclose that another patient of the owner has the number. Errors: errs.Invalid.
func (p Patient) CheckChangedBy(user uuid.UUID, before Details) error {
	if user == p.OwnerID || p.Details.MedicalRecordNumber == before.MedicalRecordNumber {
		return nil
	}
	return errs.Invalidf("medical_record_number", "Only the owner of the patient may change this.")
}

// Age returns the age in whole years on the date today, computed from the birth date if it is known. The age is 0 for a
// birth date after today, which has begun in another time zone.
func (p Patient) Age(today Date) int {
	if p.Details.BirthDate != (Date{}) {
		return max(0, p.Details.BirthDate.YearsUntil(today))
	}
	return p.Details.Age
}

// shows reports whether a client that read the patient today or a day ago was shown this age.
func (p Patient) shows(age int, calendar Calendar) bool {
	return age == p.Age(calendar.Today) || age == p.Age(calendar.yesterday)
}
