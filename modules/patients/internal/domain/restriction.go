package domain

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// MaxRestrictions is the maximum number of restrictions of a patient.
const MaxRestrictions = 100

// RestrictionKind is the kind of the party from whom a patient is hidden.
type RestrictionKind string

// The kinds of restrictions.
const (
	ForDoctor RestrictionKind = "doctor" // the user who is linked to the doctor's record
	ForUser   RestrictionKind = "user"
)

// Restriction hides a patient from a party, in every capacity of the users who act for it, but not from the owner (45
// CFR 164.522(a)).
type Restriction struct {
	PatientID patients.ID
	PartyID   uuid.UUID
	Kind      RestrictionKind
	SaidBy    uuid.UUID
	CreatedAt time.Time
}

// Restrict returns a restriction of the patient for the doctor or the user, one of which is given. Errors:
// errs.Invalid.
func Restrict(patient patients.ID, doctor, user *uuid.UUID, by uuid.UUID, now time.Time) (Restriction, error) {
	r := Restriction{PatientID: patient, SaidBy: by, CreatedAt: now}
	switch {
	case doctor != nil && user == nil:
		r.Kind, r.PartyID = ForDoctor, *doctor
	case user != nil && doctor == nil:
		r.Kind, r.PartyID = ForUser, *user
	default:
		one := errors.New("Send either a doctor or a user.")
		return Restriction{}, errs.Fields(map[string]error{"doctor": one, "user": one})
	}
	return r, nil
}

// PartyID identifies the party of a restriction.
type PartyID = recordid.Of[Restriction]

// ParsePartyID reads an id in its canonical form. Errors: patients.ErrNoRestriction.
func ParsePartyID(s string) (PartyID, error) {
	return recordid.Parse[PartyID](s, patients.ErrNoRestriction)
}
