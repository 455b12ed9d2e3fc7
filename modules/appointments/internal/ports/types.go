package ports

import (
	"context"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/platform/paging"
)

// Types stores appointment types.
type Types interface {
	// Add stores a new type. Errors: appointments.ErrTypeNameTaken.
	Add(ctx context.Context, of domain.Type) error

	// Find returns a type. Errors: appointments.ErrTypeNotFound.
	Find(ctx context.Context, id domain.TypeID) (domain.Type, error)

	// FindAll returns the existing types with the given ids, by id. Errors: none.
	FindAll(ctx context.Context, ids []domain.TypeID) (map[domain.TypeID]domain.Type, error)

	// List returns a page of the types that match the filter. Errors: none.
	List(ctx context.Context, filter domain.TypeFilter, page paging.Request) (paging.Page[domain.Type], error)

	// Change locks a type, applies rule to it and stores the result. Errors: appointments.ErrTypeNotFound,
	// appointments.ErrTypeNameTaken, the errors of rule.
	Change(ctx context.Context, id domain.TypeID, rule func(*domain.Type) error) (domain.Type, error)

	// Remove locks a type, applies rule to it, and deletes it. Errors: appointments.ErrTypeNotFound, the errors of
	// rule, appointments.ErrTypeInUse.
	Remove(ctx context.Context, id domain.TypeID, rule func(domain.Type) error) error
}
