// Package domain defines assignments. It is pure: no store, no HTTP, no clock of its own.
package domain

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// Assignment is the assignment of a doctor to a patient. Only its access changes, and its owner with that of the
// patient.
type Assignment struct {
	ID         assignments.ID
	OwnerID    uuid.UUID // the patient's owner
	PatientID  patients.ID
	DoctorID   doctors.ID
	AssignedAt time.Time
	Access     assignments.Access
	Version    int // starts at 1 and is incremented by every change
}

// New returns a new assignment of a doctor to a patient of the owner. It grants nothing.
func New(owner uuid.UUID, patient patients.ID, doctor doctors.ID, now time.Time) Assignment {
	id := recordid.New[assignments.ID]()
	return Assignment{
		ID: id, OwnerID: owner, PatientID: patient, DoctorID: doctor, AssignedAt: now,
		Access: assignments.None, Version: 1,
	}
}

// Grant sets the access. The version stays if the access is the same. Errors: errs.Invalid.
func (a *Assignment) Grant(access assignments.Access) error {
	access, err := ParseAccess(access)
	if err != nil {
		return err
	}
	if access != a.Access {
		a.Access, a.Version = access, a.Version+1
	}
	return nil
}

// ParseAccess returns the access that is given in any letter case. Errors: errs.Invalid.
func ParseAccess(given assignments.Access) (assignments.Access, error) {
	access := assignments.Access(strings.ToLower(strings.TrimSpace(string(given))))
	if !access.Valid() {
		return "", errs.Invalidf("access", "Must be none, read or write.")
	}
	return access, nil
}

// Link returns the assignment for subscribers.
func (a Assignment) Link() assignments.Link {
	return assignments.Link{ID: a.ID, Patient: a.PatientID.UUID, Doctor: a.DoctorID.UUID, Access: a.Access}
}
