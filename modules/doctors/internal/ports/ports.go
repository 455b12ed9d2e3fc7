// Package ports has the interfaces that the use cases of the doctors module need.
package ports

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/paging"
)

// Repository stores the directory.
type Repository interface {
	// Add stores a new doctor. Errors: doctors.ErrLicenseNumberTaken.
	Add(ctx context.Context, doctor domain.Doctor) error

	// Find returns one doctor. Errors: doctors.ErrNotFound.
	Find(ctx context.Context, id doctors.ID) (domain.Doctor, error)

	// FindAssignable returns a doctor who takes new assignments. Errors: doctors.ErrNotFound, doctors.ErrInRemoval.
	FindAssignable(ctx context.Context, id doctors.ID) (domain.Doctor, error)

	// FindAll returns the existing doctors with the given ids, in any order, in one query. Errors: none.
	FindAll(ctx context.Context, ids []doctors.ID) ([]domain.Doctor, error)

	// List returns a page of the doctors that match the filter. Errors: none.
	List(ctx context.Context, filter domain.Filter, page paging.Request) (paging.Page[domain.Doctor], error)

	// Change locks the doctor, applies rule to it and stores the result. Errors: doctors.ErrNotFound,
	// doctors.ErrLicenseNumberTaken, the errors of rule.
	Change(ctx context.Context, id doctors.ID, rule func(*domain.Doctor) error) (domain.Doctor, error)

	// Lock locks the doctor against changes, removal and new references until the transaction in ctx ends, and returns
	// its version. Errors: doctors.ErrNotFound.
	Lock(ctx context.Context, id doctors.ID) (version int, err error)

	// Hold locks the doctor against Lock until the transaction in ctx ends, as a new reference does. Errors:
	// doctors.ErrNotFound.
	Hold(ctx context.Context, id doctors.ID) error

	// Remove deletes the doctor, with the record of their creator, their removal, link and invitation. Errors:
	// doctors.ErrNotFound.
	Remove(ctx context.Context, id doctors.ID) error

	// RecordCreator stores which user added the doctor. Errors: none.
	RecordCreator(ctx context.Context, id doctors.ID, user uuid.UUID) error

	// CountOf returns the number of doctors that the user has added, at most limit. Errors: none.
	CountOf(ctx context.Context, user uuid.UUID, limit int) (int, error)

	// BeginRemoval stores that the doctor is being removed. Errors: none.
	BeginRemoval(ctx context.Context, removal domain.Removal) error

	// Removals returns the removal of the doctor, if any, and the removals that reassign patients to the doctor.
	// Errors: none.
	Removals(ctx context.Context, id doctors.ID) ([]domain.Removal, error)

	// Invite stores the invitation, in place of an earlier one of the doctor. Errors: none.
	Invite(ctx context.Context, invitation domain.Invitation) error

	// FindInvitation returns the invitation with one of the MACs, even if it has expired. Errors:
	// doctors.ErrNoInvitation.
	FindInvitation(ctx context.Context, macs [][]byte) (domain.Invitation, error)

	// RemoveInvitation removes the doctor's invitation. Errors: doctors.ErrNoInvitation.
	RemoveInvitation(ctx context.Context, doctor doctors.ID, id domain.InvitationID) error

	// Link stores a link, of a doctor who has none. Errors: doctors.ErrAccountLinked if the user has one.
	Link(ctx context.Context, link domain.Link) error

	// Unlink removes the link of the doctor, and reports whether there was one. Errors: none.
	Unlink(ctx context.Context, id doctors.ID) (ended bool, err error)

	// UnlinkUser removes the link of the user, and returns it, or nil if there was none. Errors: none.
	UnlinkUser(ctx context.Context, user uuid.UUID) (*domain.Link, error)

	// LinkOf returns the link of the doctor, or nil. Errors: none.
	LinkOf(ctx context.Context, id doctors.ID) (*domain.Link, error)

	// LinkOfUser returns the link of the user, or nil. Errors: none.
	LinkOfUser(ctx context.Context, user uuid.UUID) (*domain.Link, error)
}
