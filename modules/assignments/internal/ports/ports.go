// Package ports says what the use cases of the assignments module need from outside.
package ports

import (
	"context"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
)

// Repository keeps assignments. What a user asks carries the scope of the patients they may see; what the module does by itself, when a
// record is removed, does not.
type Repository interface {
	// Add stores a new assignment. Errors: assignments.ErrAlreadyAssigned; patients.ErrNotFound or doctors.ErrNotFound when that
	// record was removed meanwhile.
	Add(ctx context.Context, assignment domain.Assignment) error

	// Find is one assignment. Errors: assignments.ErrNotFound.
	Find(ctx context.Context, scope patients.Scope, id assignments.ID) (domain.Assignment, error)

	// List is every assignment of the scope, newest first, ties by id. Errors: none.
	List(ctx context.Context, scope patients.Scope) ([]domain.Assignment, error)

	// ListOf is every assignment of one patient, newest first, ties by id. Errors: none.
	ListOf(ctx context.Context, scope patients.Scope, patient patients.ID) ([]domain.Assignment, error)

	// Remove ends an assignment. Errors: assignments.ErrNotFound.
	Remove(ctx context.Context, scope patients.Scope, id assignments.ID) error

	// RemoveAllOfPatient and RemoveAllOfDoctor end every assignment of a record that goes. Errors: none.
	RemoveAllOfPatient(ctx context.Context, patient patients.ID) error
	RemoveAllOfDoctor(ctx context.Context, doctor doctors.ID) error
}
