// Package patients is the public package of the patients module. A patient is owned by one user and visible to those to
// whom it is granted, and to no other. The types, interfaces and events that other modules use are here; everything else is internal.
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

// Patient is the part of a patient that other modules may use: the minimum necessary (45 CFR 164.502(b)), by value.
type Patient struct {
	ID     ID
	Name   string
	Age    int // whole years, today
	Gender string
}

// Directory finds patients for other modules.
type Directory interface {
	// Find returns a patient of the scope. Errors: ErrNotFound, also for a patient outside the scope.
	Find(ctx context.Context, scope Scope, id ID) (Patient, error)

	// FindAll returns the patients of the scope with the given ids, by id, in one query. Errors: none of its own.
	FindAll(ctx context.Context, scope Scope, ids []ID) (map[ID]Patient, error)
}

// AssignmentLookup finds patients by their doctor. The assignments module implements it, so that patients can be listed
// by doctor without knowing assignments.
type AssignmentLookup interface {
	// PatientsOf returns the patients of the scope to whom the doctor is assigned, at most limit of them, in no order.
	// Errors: none of its own.
	PatientsOf(ctx context.Context, scope Scope, doctor uuid.UUID, limit int) ([]ID, error)
}

// Deleted is published in the transaction that removes patients of one user, before the rows are deleted. Subscribers
// delete their references to them. It has at most 1,000 ids. The audit entries of the removal name each patient, so
// subscribers record nothing.
type Deleted struct {
	IDs []ID
	By  auth.Principal
}

// Config holds the limit set by the operator.
type Config struct {
	MaxPerUser int // 0: no limit
}

// Errors of the module.
var (
	ErrNotFound     = errs.New(errs.NotFound, "not_found", "No such patient.")
	ErrLimitReached = errs.New(
		errs.Conflict, "limit_reached", "You have reached the maximum number of patients per user.",
	)
	ErrReadOnly = errs.New(
		errs.Forbidden, "read_only", "You may read this patient, but not change it.",
	)
	ErrKeeperOnly = errs.New(
		errs.Forbidden, "keeper_only", "Only the user who keeps this patient may do this.",
	)
	ErrMedicalRecordNumberTaken = errs.Duplicate(
		"medical_record_number",
		"medical_record_number_taken",
		"Another of your patients has this medical record number.",
	)
)
