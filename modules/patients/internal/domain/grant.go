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
)

// Grant makes a patient visible to those who act for the grantee. A grant ends with its source.
type Grant struct {
	PatientID patients.ID
	GranteeID uuid.UUID // a doctor's record or a user
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

// Outweighs reports whether g is a better reason than other: by its level, then the care, then the older one.
func (g Grant) Outweighs(other Grant) bool {
	if g.Level != other.Level {
		return g.Level.Includes(other.Level) || !other.Level.Valid()
	}
	if (g.Basis == Care) != (other.Basis == Care) {
		return g.Basis == Care
	}
	return cmp.Or(g.GrantedAt.Compare(other.GrantedAt), bytes.Compare(g.SourceID[:], other.SourceID[:])) < 0
}
