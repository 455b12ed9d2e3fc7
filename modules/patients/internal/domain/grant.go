package domain

import (
	"bytes"
	"cmp"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
)

// Basis is the reason of a grant. Ownership needs no grant.
type Basis string

// The bases.
const (
	Care     Basis = "care"     // the grantee is a doctor who is assigned to the patient
	Self     Basis = "self"     // the grantee is the patient
	Delegate Basis = "delegate" // the grantee acts for the patient, such as a parent
	Practice Basis = "practice" // the grantee is a practice, whose members share the patient
	Share    Basis = "share"    // the grantee is a colleague of the keeper
)

// Grant makes a patient visible to those who act for the grantee. A grant ends with its source.
type Grant struct {
	PatientID patients.ID
	GranteeID uuid.UUID // a doctor's record, a practice or a user
	Basis     Basis
	SourceID  uuid.UUID // the record that grants, such as an assignment
	Level     patients.Level
	GrantedBy uuid.UUID
	GrantedAt time.Time
	ExpiresAt time.Time // exclusive; zero: never
}

// Reason returns the reason of those who act for the grantee.
func (g Grant) Reason() patients.Reason {
	return patients.Reason{Basis: string(g.Basis), Grant: g.SourceID, For: g.GranteeID}
}

// Represents reports whether the grantee is the patient or acts for the patient.
func (g Grant) Represents() bool { return g.Basis == Self || g.Basis == Delegate }

// Outweighs reports whether g is a better reason than other: by its level, then the care, then one that does not
// represent the patient and so shows the notes, then the older one.
func (g Grant) Outweighs(other Grant) bool {
	if g.Level != other.Level {
		return g.Level.Includes(other.Level) || !other.Level.Valid()
	}
	if (g.Basis == Care) != (other.Basis == Care) {
		return g.Basis == Care
	}
	if g.Represents() != other.Represents() {
		return other.Represents()
	}
	return cmp.Or(g.GrantedAt.Compare(other.GrantedAt), bytes.Compare(g.SourceID[:], other.SourceID[:])) < 0
}

// ShareWith returns the grant to a practice. It lets managers of the practice keep the patient, and members do what
// their level allows. The practice is its source, so that a patient has one for each practice.
func (p Patient) ShareWith(practice, by uuid.UUID, now time.Time) Grant {
	return Grant{
		PatientID: p.ID, GranteeID: practice, Basis: Practice, SourceID: practice, Level: patients.Keep,
		GrantedBy: by, GrantedAt: now,
	}
}
