// Package ports says what the use cases of the patients module need from outside.
package ports

import (
	"context"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
)

// Repository keeps patients. No method looks at a patient without a scope, which is part of the one statement: a patient outside it is
// not found, as if there were none.
type Repository interface {
	// Add stores a new patient. Errors: patients.ErrMedicalRecordNumberTaken.
	Add(ctx context.Context, patient domain.Patient) error

	// Find is one patient. Errors: patients.ErrNotFound.
	Find(ctx context.Context, scope patients.Scope, id patients.ID) (domain.Patient, error)

	// FindAll is those of the patients that are in the scope, in no order, in one query. Errors: none.
	FindAll(ctx context.Context, scope patients.Scope, ids []patients.ID) ([]domain.Patient, error)

	// List is every patient of the scope, newest first, ties by id. Errors: none.
	List(ctx context.Context, scope patients.Scope) ([]domain.Patient, error)

	// Change applies rule to the patient while nobody else can change it, and stores what came of it.
	// Errors: patients.ErrNotFound, patients.ErrMedicalRecordNumberTaken, rule's.
	Change(ctx context.Context, scope patients.Scope, id patients.ID, rule func(*domain.Patient) error) (domain.Patient, error)

	// Hold keeps the patient from being changed, removed or newly referenced until the transaction in ctx ends.
	// Errors: patients.ErrNotFound.
	Hold(ctx context.Context, scope patients.Scope, id patients.ID) error

	// Remove deletes the patient. Errors: patients.ErrNotFound.
	Remove(ctx context.Context, scope patients.Scope, id patients.ID) error
}
