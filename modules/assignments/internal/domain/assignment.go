// Package domain defines assignments. It is pure: no store, no HTTP, no clock of its own.
package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/recordid"
)

// Assignment is the assignment of a doctor to a patient. It is created and ended, but never changed.
type Assignment struct {
	ID         assignments.ID
	OwnerID    uuid.UUID // the patient's owner, who never changes
	PatientID  patients.ID
	DoctorID   doctors.ID
	AssignedAt time.Time
}

// Version is the version of every assignment.
const Version = 1

// New returns a new assignment of a doctor to a patient of the owner.
func New(owner uuid.UUID, patient patients.ID, doctor doctors.ID, now time.Time) Assignment {
	id := recordid.New[assignments.ID]()
	return Assignment{ID: id, OwnerID: owner, PatientID: patient, DoctorID: doctor, AssignedAt: now}
}
