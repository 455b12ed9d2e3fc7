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

	// RemoveAllOfPatients and RemoveAllOfDoctor end every assignment of records that go, at most 1,000 at a time. Errors: none.
	RemoveAllOfPatients(ctx context.Context, gone []patients.ID) error
	RemoveAllOfDoctor(ctx context.Context, doctor doctors.ID) error
}
