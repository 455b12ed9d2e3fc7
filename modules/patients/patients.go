// Package patients is the public face of the patients module: patients, each owned by one user and seen by nobody else. What other
// modules may hold, ask and hear of a patient is here; everything else is internal.
package patients

import (
	"context"

	"github.com/google/uuid"

	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// ID identifies a patient.
type ID = recordid.Of[Patient]

// ParseID reads an id in its canonical form. Errors: ErrNotFound.
func ParseID(s string) (ID, error) { return recordid.Parse[ID](s, ErrNotFound) }

// Scope says whose patients a question is about. It becomes part of the one statement that answers it: nothing is filtered
// afterwards. The zero Scope holds no patient.
type Scope struct{ owner uuid.UUID }

// OwnedBy is the scope of the patients that the user created.
func OwnedBy(user uuid.UUID) Scope { return Scope{user} }

// Owner is the user whose patients the scope holds.
func (s Scope) Owner() uuid.UUID { return s.owner }

// Patient is what other modules may know of a patient: the minimum necessary (45 CFR 164.502(b)), by value.
type Patient struct {
	ID     ID
	Name   string
	Age    int // whole years, today
	Gender string
}

// Directory answers other modules' questions about patients.
type Directory interface {
	// Find is the patient with that id in the scope. Errors: ErrNotFound, also for a patient outside the scope.
	Find(ctx context.Context, scope Scope, id ID) (Patient, error)

	// FindAll is those of the patients that are in the scope, by id, in one query. Errors: none of its own.
	FindAll(ctx context.Context, scope Scope, ids []ID) (map[ID]Patient, error)
}

// AssignmentLookup finds patients by their doctor. The assignments module implements it, so that patients can be listed
// by doctor without knowing assignments.
type AssignmentLookup interface {
	// PatientsOf returns the patients of the scope to whom the doctor is assigned, at most limit of them, in no order.
	// Errors: none of its own.
	PatientsOf(ctx context.Context, scope Scope, doctor uuid.UUID, limit int) ([]ID, error)
}

// Deleted is announced in the transaction that removes patients of one user, before the rows are deleted: subscribers
// delete their references to them. It names at most 1,000 at a time. The audit entry of the removal names each patient,
// so subscribers need not.
type Deleted struct {
	IDs []ID
	By  auth.Principal
}

// Config is the operator's limit.
type Config struct {
	MaxPerUser int // 0: none
}

// What the module refuses.
var (
	ErrNotFound     = errs.New(errs.NotFound, "not_found", "No such patient.")
	ErrLimitReached = errs.New(
		errs.Conflict, "limit_reached", "You have as many patients as one user may have.",
	)
	ErrMedicalRecordNumberTaken = errs.Duplicate("medical_record_number", "medical_record_number_taken", "Another of your patients has this medical record number.")
)
