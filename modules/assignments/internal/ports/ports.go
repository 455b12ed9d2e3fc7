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

	// Find returns one assignment of a patient whom the scope's user owns. Errors: assignments.ErrNotFound.
	Find(ctx context.Context, scope patients.Scope, id assignments.ID) (domain.Assignment, error)

	// List returns a page of the assignments that match the filter: those of the patients whom the scope's user owns,
	// those of the doctors for whom the user acts, unless they grant less than the scope's level or the patient is
	// restricted, and those of the represented patients. Errors: none.
	List(
		ctx context.Context, scope patients.Scope, except patients.Exceptions, filter domain.Filter,
		page paging.Request,
	) (paging.Page[domain.Assignment], error)

	// ListOf returns a page of the assignments of filter.Patient that match the filter, whoever owns the patient: the
	// caller has found the patient in the user's scope. Errors: none.
	ListOf(ctx context.Context, filter domain.Filter, page paging.Request) (paging.Page[domain.Assignment], error)

	// FindAny returns one assignment, whoever owns the patient: the caller then finds the patient in the user's scope.
	// Errors: assignments.ErrNotFound.
	FindAny(ctx context.Context, id assignments.ID) (domain.Assignment, error)

	// Change locks the assignment, applies rule to it and stores the result. Errors: assignments.ErrNotFound, the
	// errors of rule.
	Change(
		ctx context.Context, scope patients.Scope, id assignments.ID, rule func(*domain.Assignment) error,
	) (domain.Assignment, error)

	// Page is assignments.Directory.Page. Errors: none.
	Page(ctx context.Context, after assignments.ID, limit int) ([]domain.Assignment, error)

	// Remove ends an assignment of a patient whom the scope's user owns, and returns it. Errors:
	// assignments.ErrNotFound.
	Remove(ctx context.Context, scope patients.Scope, id assignments.ID) (domain.Assignment, error)

	// RemoveAllOfPatients ends all assignments of at most 1,000 patients, and returns their number. Errors: none.
	RemoveAllOfPatients(ctx context.Context, removed []patients.ID) (ended int, err error)

	// SetOwner stores the owner of at most 1,000 patients in their assignments, and returns the number of those that
	// had another. Errors: none.
	SetOwner(ctx context.Context, of []patients.ID, owner uuid.UUID) (changed int, err error)

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
