// Package ports has the interfaces that the use cases of the assignments module need.
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

// Repository stores assignments. Methods for requests of users are restricted to a scope of patients. Methods for the
// removal of patients and doctors are not.
type Repository interface {
	// Add stores a new assignment. Errors: assignments.ErrAlreadyAssigned; patients.ErrNotFound or doctors.ErrNotFound
	// if that record was removed in the meantime.
	Add(ctx context.Context, assignment domain.Assignment) error

	// Find returns one assignment. Errors: assignments.ErrNotFound.
	Find(ctx context.Context, scope patients.Scope, id assignments.ID) (domain.Assignment, error)

	// List returns a page of the scope's assignments that match the filter. Errors: none.
	List(
		ctx context.Context, scope patients.Scope, filter domain.Filter, page paging.Request,
	) (paging.Page[domain.Assignment], error)

	// PatientsOf returns the patients of the scope to whom the doctor is assigned, at most limit of them. Errors: none.
	PatientsOf(ctx context.Context, scope patients.Scope, doctor uuid.UUID, limit int) ([]patients.ID, error)

	// Remove ends an assignment. Errors: assignments.ErrNotFound.
	Remove(ctx context.Context, scope patients.Scope, id assignments.ID) error

	// RemoveAllOfPatients ends all assignments of at most 1,000 patients, and returns their number. Errors: none.
	RemoveAllOfPatients(ctx context.Context, removed []patients.ID) (ended int, err error)

	// Owners returns the owner of each of the doctor's assignments, at most limit of them. Errors: none.
	Owners(ctx context.Context, doctor doctors.ID, limit int) ([]uuid.UUID, error)

	// CountOfDoctor returns the number of the doctor's assignments. Errors: none.
	CountOfDoctor(ctx context.Context, doctor doctors.ID) (int, error)

	// OfDoctor returns up to limit of the doctor's assignments. Errors: none.
	OfDoctor(ctx context.Context, doctor doctors.ID, limit int) ([]domain.Assignment, error)

	// AddMissing stores the new assignments whose doctor is not yet assigned to the patient, and returns them. Errors:
	// patients.ErrNotFound or doctors.ErrNotFound if that record was removed in the meantime.
	AddMissing(ctx context.Context, all []domain.Assignment) ([]domain.Assignment, error)

	// RemoveAll ends the assignments that still exist, and returns them. Errors: none.
	RemoveAll(ctx context.Context, all []domain.Assignment) ([]domain.Assignment, error)

	// CountOf returns the number of assignments of the user's patients, at most limit. Errors: none.
	CountOf(ctx context.Context, user uuid.UUID, limit int) (int, error)

	// AfterCommit calls do after the transaction in ctx commits, or at once without a transaction. It does not call do
	// after a rollback. Errors: none.
	AfterCommit(ctx context.Context, do func())
}
