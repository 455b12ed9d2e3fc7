// Package domain holds the rules about patients. It is pure: no store, no HTTP, no clock of its own.
package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
)

// Patient is one user's record of a person.
type Patient struct {
	ID        patients.ID
	OwnerID   uuid.UUID // never changes
	Details   Details
	Version   int // counts the changes, from 1
	CreatedAt time.Time
	UpdatedAt time.Time
}

// New makes a patient of owner's. Errors: errs.Invalid with every field that breaks a rule.
func New(owner uuid.UUID, said Said, now time.Time) (Patient, error) {
	details, err := said.details(DateOf(now))
	if err != nil {
		return Patient{}, err
	}
	id := patients.ID{UUID: uuid.Must(uuid.NewV7())}
	return Patient{ID: id, OwnerID: owner, Details: details, Version: 1, CreatedAt: now, UpdatedAt: now}, nil
}

// Revise replaces the details. What changes nothing leaves version and time alone. Errors: errs.Invalid.
func (p *Patient) Revise(said Said, now time.Time) error {
	details, err := said.details(DateOf(now))
	if err != nil {
		return err
	}
	if details != p.Details {
		p.Details, p.Version, p.UpdatedAt = details, p.Version+1, now
	}
	return nil
}

// Amend changes the details that are said. Errors: errs.Invalid.
func (p *Patient) Amend(changes Changes, now time.Time) error {
	return p.Revise(changes.over(p.Details), now)
}

// Age is the age in whole years on a day: counted from the birth date where it is known.
func (p Patient) Age(today Date) int {
	if p.Details.BirthDate != (Date{}) {
		return p.Details.BirthDate.YearsUntil(today)
	}
	return p.Details.Age
}
