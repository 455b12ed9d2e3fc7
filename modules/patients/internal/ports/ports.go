// Package ports says what the use cases of the patients module need from outside.
package ports

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/paging"
)

// Repository keeps patients. No method looks at a patient without a scope, which is part of the one statement: a patient outside it is
// not found, as if there were none.
type Repository interface {
	// Add stores a new patient. Errors: patients.ErrMedicalRecordNumberTaken.
	Add(ctx context.Context, patient domain.Patient) error

	// Find is one patient. Errors: patients.ErrNotFound.
	Find(ctx context.Context, scope patients.Scope, id patients.ID) (domain.Patient, error)

	// FindAll returns those of the patients that are in the scope, in no order, in one query: their names, genders,
	// ages and birth dates. Errors: none.
	FindAll(ctx context.Context, scope patients.Scope, ids []patients.ID) ([]domain.Patient, error)

	// List is a page of the scope's patients that pass the filter. Errors: none.
	List(ctx context.Context, scope patients.Scope, filter domain.Filter, page paging.Request) (paging.Page[domain.Patient], error)

	// Change applies rule to the patient while nobody else can change it, and stores what came of it.
	// Errors: patients.ErrNotFound, patients.ErrMedicalRecordNumberTaken, rule's.
	Change(ctx context.Context, scope patients.Scope, id patients.ID, rule func(*domain.Patient) error) (domain.Patient, error)

	// Hold keeps the patient from being changed, removed or newly referenced until the transaction in ctx ends, and tells its version.
	// Errors: patients.ErrNotFound.
	Hold(ctx context.Context, scope patients.Scope, id patients.ID) (version int, err error)

	// Remove deletes the patient. Errors: patients.ErrNotFound.
	Remove(ctx context.Context, scope patients.Scope, id patients.ID) error

	// Count returns the number of the scope's patients, limit at most; a negative limit is none. Errors: none.
	Count(ctx context.Context, scope patients.Scope, limit int) (int, error)

	// HoldSome holds, as Hold does, at most limit of the scope's patients, whichever. Errors: none.
	HoldSome(ctx context.Context, scope patients.Scope, limit int) ([]patients.ID, error)

	// CountOf returns how many patients the user owns, at most limit. Errors: none.
	CountOf(ctx context.Context, user uuid.UUID, limit int) (int, error)

	// RemoveAll deletes those of the patients that are in the scope. Errors: none.
	RemoveAll(ctx context.Context, scope patients.Scope, ids []patients.ID) error
}
