// Package ports says what the use cases of the assignments module need from outside.
package ports

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/paging"
)

// Repository keeps assignments. What a user asks carries the scope of the patients they may see; what the module does by itself, when a
// record is removed, does not.
type Repository interface {
	// Add stores a new assignment. Errors: assignments.ErrAlreadyAssigned; patients.ErrNotFound or doctors.ErrNotFound when that
	// record was removed meanwhile.
	Add(ctx context.Context, assignment domain.Assignment) error

	// Find is one assignment. Errors: assignments.ErrNotFound.
	Find(ctx context.Context, scope patients.Scope, id assignments.ID) (domain.Assignment, error)

	// List is a page of the scope's assignments that pass the filter. Errors: none.
	List(ctx context.Context, scope patients.Scope, filter domain.Filter, page paging.Request) (paging.Page[domain.Assignment], error)

	// PatientsOf is the patients of the scope to whom the doctor is assigned, at most limit of them. Errors: none.
	PatientsOf(ctx context.Context, scope patients.Scope, doctor uuid.UUID, limit int) ([]patients.ID, error)

	// Remove ends an assignment. Errors: assignments.ErrNotFound.
	Remove(ctx context.Context, scope patients.Scope, id assignments.ID) error

	// RemoveAllOfPatients ends every assignment of patients who go, at most 1,000 patients at a time, and returns how
	// many. Errors: none.
	RemoveAllOfPatients(ctx context.Context, gone []patients.ID) (ended int, err error)

	// Owners returns the owner of each of the doctor's assignments, at most limit of them. Errors: none.
	Owners(ctx context.Context, doctor doctors.ID, limit int) ([]uuid.UUID, error)

	// CountOfDoctor returns how many assignments the doctor has. Errors: none.
	CountOfDoctor(ctx context.Context, doctor doctors.ID) (int, error)

	// OfDoctor returns at most limit of the doctor's assignments, whichever. Errors: none.
	OfDoctor(ctx context.Context, doctor doctors.ID, limit int) ([]domain.Assignment, error)

	// AddMissing stores those of the new assignments whose patient and doctor are not assigned yet, and returns them.
	// Errors: patients.ErrNotFound or doctors.ErrNotFound when that record was removed meanwhile.
	AddMissing(ctx context.Context, all []domain.Assignment) ([]domain.Assignment, error)

	// RemoveAll ends those of the assignments that still exist, and returns them. Errors: none.
	RemoveAll(ctx context.Context, all []domain.Assignment) ([]domain.Assignment, error)

	// CountOf returns how many assignments the user's patients have, at most limit. Errors: none.
	CountOf(ctx context.Context, user uuid.UUID, limit int) (int, error)
}
