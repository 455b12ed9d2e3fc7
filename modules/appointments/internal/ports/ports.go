// Package ports has the interfaces that the use cases of the appointments module need.
package ports

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/paging"
)

// Repository stores appointments. The caller decides whether the user may see the patient or acts for the doctor: an
// appointment is found by its id first, whoever may see it, and its patient is then looked up in the user's scope.
//
// The store prevents two appointments of a doctor or of a patient at the same time. Methods that store one return the
// errors of a place: appointments.ErrSlotTaken, appointments.ErrPatientBusy, appointments.ErrSessionFull;
// appointments.ErrTypeNotFound, patients.ErrNotFound or doctors.ErrNotFound if that record was removed in the meantime.
type Repository interface {
	// Lock waits until no other transaction has locked the times of the doctors, the times of the patient, or the
	// reservations of the user. It locks them until the transaction in ctx ends, before any row of an appointment. The
	// zero user locks none. A transaction that needs the times of several doctors locks them at once. Errors: none.
	Lock(ctx context.Context, of []doctors.ID, patient patients.ID, user uuid.UUID) error

	// WritesAlone reports whether a transaction sees no changes by others until it ends, also without Lock.
	WritesAlone() bool

	// Add stores a new appointment. Errors: those of a place.
	Add(ctx context.Context, a domain.Appointment) error

	// Find returns an appointment, whoever may see it. Errors: appointments.ErrNotFound.
	Find(ctx context.Context, id appointments.ID) (domain.Appointment, error)

	// Change locks an appointment, applies rule to it and stores the result. Errors: appointments.ErrNotFound, the
	// errors of rule, those of a place.
	Change(
		ctx context.Context, id appointments.ID, rule func(*domain.Appointment) error,
	) (domain.Appointment, error)

	// Busy returns up to limit active appointments of the doctor that block some of the time that a blocks,
	// and of the patient whose visits overlap that of a, in one query, in the order of time. They include a itself,
	// and reservations that have expired, which still exclude others. Only the ids, the times, the seats and the status
	// are read. Errors: none.
	Busy(ctx context.Context, a domain.Appointment, limit int) (ofDoctor, ofPatient []domain.Appointment, err error)

	// BusyTimes returns the times that active appointments of the doctors block between from and to, by doctor, and the
	// visits of the patient unless patient is nil, each in the order of time, without reservations that have expired at
	// now. Errors: none.
	BusyTimes(
		ctx context.Context, of []doctors.ID, patient *patients.ID, from, to, now time.Time,
	) (blocks map[doctors.ID][]calendar.Busy, visits []calendar.Busy, err error)

	// ExpireAll ends these reservations, which have expired at now, and returns those that were still open. Errors:
	// none.
	ExpireAll(ctx context.Context, ids []appointments.ID, now time.Time) ([]domain.Appointment, error)

	// Expire ends at most limit reservations that have expired at now, without waiting for locked ones, and returns
	// them. Errors: none.
	Expire(ctx context.Context, now time.Time, limit int) ([]domain.Appointment, error)

	// CountHolds returns the number of the user's reservations that have not expired at now, at most limit, without
	// offers of the waiting list. Errors: none.
	CountHolds(ctx context.Context, user uuid.UUID, now time.Time, limit int) (int, error)

	// CountOpen returns the number of the patient's active appointments that end after now, at most limit, without
	// reservations that have expired. Errors: none.
	CountOpen(ctx context.Context, patient patients.ID, now time.Time, limit int) (int, error)

	// List returns a page of the appointments that match the filter: those of patients whom the scope's user owns, or
	// whose owner the user stands in for, those with the doctors for whom the user acts, and those of the represented
	// patients. Errors: none.
	List(
		ctx context.Context, scope patients.Scope, except patients.Exceptions, filter domain.Filter,
		page paging.Request,
	) (paging.Page[domain.Appointment], error)

	// ListOf returns a page of the appointments of filter.Patient that match the filter: the caller has found the
	// patient in the user's scope. Errors: none.
	ListOf(ctx context.Context, filter domain.Filter, page paging.Request) (paging.Page[domain.Appointment], error)

	// OfSeries returns up to limit appointments of a series that begin at from or later, in the order of their times.
	// Errors: none.
	OfSeries(ctx context.Context, series uuid.UUID, from time.Time, limit int) ([]domain.Appointment, error)

	// RemoveAllOfPatients deletes all appointments of at most 1,000 patients. Errors: none.
	RemoveAllOfPatients(ctx context.Context, removed []patients.ID) error

	// SetOwner stores the owner of at most 1,000 patients in their appointments. Errors: none.
	SetOwner(ctx context.Context, of []patients.ID, owner uuid.UUID) error

	// HasOpen reports whether the doctor has an active appointment that ends after now. Errors: none.
	HasOpen(ctx context.Context, doctor doctors.ID, now time.Time) (bool, error)

	// ReleaseDoctor replaces the doctor, who is being removed and has no open appointment, by the name in all
	// appointments. Errors: none.
	ReleaseDoctor(ctx context.Context, doctor doctors.ID, name string, now time.Time) error

	// Future returns up to limit active appointments that begin after now and whose id is greater than after, in the
	// order of their ids. Errors: none.
	Future(ctx context.Context, now time.Time, after appointments.ID, limit int) ([]domain.Appointment, error)
}
