package domain

import (
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
