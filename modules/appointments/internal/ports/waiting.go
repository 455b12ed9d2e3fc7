package ports

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/paging"
)

// WaitingList stores the entries of the waiting list, as they were last changed: the caller settles them. As in
// Repository, the caller decides whether the user may see the patient. Transactions that add an entry, offer a time or
// end an entry lock the times of its patient first (Repository.Lock). A transaction that changes an appointment and its
// entry locks the appointment first.
type WaitingList interface {
	// Add stores a new entry. Errors: appointments.ErrTypeNotFound, patients.ErrNotFound or doctors.ErrNotFound if that
	// record was removed in the meantime.
	Add(ctx context.Context, e domain.WaitingEntry) error

	// Find returns an entry, whoever may see it. Errors: appointments.ErrWaitingNotFound.
	Find(ctx context.Context, id domain.WaitingID) (domain.WaitingEntry, error)

	// Change locks an entry, applies rule to it and stores the result. Errors: appointments.ErrWaitingNotFound, the
	// errors of rule.
	Change(
		ctx context.Context, id domain.WaitingID, rule func(*domain.WaitingEntry) error,
	) (domain.WaitingEntry, error)

	// Follow locks the entry of an appointment, applies rule to it and stores the result. It returns whether the entry
	// exists and was changed. Errors: none of its own.
	Follow(
		ctx context.Context, of appointments.ID, rule func(*domain.WaitingEntry),
	) (e domain.WaitingEntry, changed bool, err error)

	// CountOpen returns the number of the patient's entries that wait or have an offer at a moment, at most limit.
	// Errors: none.
	CountOpen(ctx context.Context, patient patients.ID, at domain.Moment, limit int) (int, error)

	// CountOffers returns the number of the user's offers that have not expired at now, at most limit. Errors: none.
	CountOffers(ctx context.Context, user uuid.UUID, now time.Time, limit int) (int, error)

	// List returns a page of the entries that match the filter at a moment: those of patients whom the scope's user
	// owns, or whose owner the user stands in for, those with the doctors for whom the user acts, and those of the
	// represented patients. Errors: none.
	List(
		ctx context.Context, scope patients.Scope, except patients.Exceptions, filter domain.WaitingFilter,
		at domain.Moment, page paging.Request,
	) (paging.Page[domain.WaitingEntry], error)

	// ListOf returns a page of the entries of filter.Patient that match the filter at a moment: the caller has found
	// the patient in the user's scope. Errors: none.
	ListOf(
		ctx context.Context, filter domain.WaitingFilter, at domain.Moment, page paging.Request,
	) (paging.Page[domain.WaitingEntry], error)

	// RemoveAllOfPatients deletes all entries of at most 1,000 patients. Errors: none.
	RemoveAllOfPatients(ctx context.Context, removed []patients.ID) error

	// SetOwner stores the owner of at most 1,000 patients in their entries. Errors: none.
	SetOwner(ctx context.Context, of []patients.ID, owner uuid.UUID) error

	// ReleaseDoctor ends the entries of a doctor who is being removed, and removes the doctor from all others. It
	// returns those that were waiting or offered. Errors: none.
	ReleaseDoctor(ctx context.Context, doctor doctors.ID, now time.Time) ([]domain.WaitingEntry, error)
}
