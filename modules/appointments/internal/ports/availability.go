package ports

import (
	"context"
	"time"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/platform/paging"
)

// Availability stores when doctors see patients.
type Availability interface {
	// Find returns the availability of a doctor: the default one, of version 0, if none was stored. Errors: none.
	Find(ctx context.Context, doctor doctors.ID) (domain.Availability, error)

	// Replace locks the availability of a doctor, applies rule to it and stores the result with its windows. The caller
	// has found the doctor and the types of the windows in the same transaction. Errors: the errors of rule;
	// doctors.ErrNotFound or appointments.ErrTypeNotFound if that record was removed in the meantime.
	Replace(
		ctx context.Context, doctor doctors.ID, rule func(*domain.Availability) error,
	) (domain.Availability, error)

	// Rules returns the rules of doctors for the hours that begin on the days from first to last, both included, by
	// doctor: their windows, their exceptions and the holidays of the practice, in at most two queries. A doctor
	// without availability has no windows. Errors: none.
	Rules(
		ctx context.Context, of []doctors.ID, first, last calendar.Date,
	) (map[doctors.ID]calendar.Rules, error)

	// Open returns up to limit doctors who have windows, in the order of their ids. Errors: none.
	Open(ctx context.Context, limit int) ([]doctors.ID, error)

	// Zone returns the time zone of the doctor, or that of the service if doctor is nil. Errors: none.
	Zone(ctx context.Context, doctor *doctors.ID) (*time.Location, error)

	// AddException stores a new exception. At most domain.MaxExceptions of a doctor, and holidays, end on or after
	// today. The caller has found the doctor in the same transaction. Errors: appointments.ErrTooManyExceptions;
	// doctors.ErrNotFound if the doctor was removed in the meantime.
	AddException(ctx context.Context, e domain.Exception, today calendar.Date) error

	// FindException returns an exception of the doctor, or a holiday if doctor is nil. Errors:
	// appointments.ErrExceptionNotFound.
	FindException(ctx context.Context, doctor *doctors.ID, id domain.ExceptionID) (domain.Exception, error)

	// Exceptions returns a page of the exceptions of a doctor, or of the holidays if doctor is nil, that end on or
	// after a day. Errors: none.
	Exceptions(
		ctx context.Context, doctor *doctors.ID, from calendar.Date, page paging.Request,
	) (paging.Page[domain.Exception], error)

	// RemoveException deletes an exception of the doctor, or a holiday if doctor is nil. Errors:
	// appointments.ErrExceptionNotFound.
	RemoveException(ctx context.Context, doctor *doctors.ID, id domain.ExceptionID) error

	// Visits returns up to limit active appointments of a doctor, or of all doctors if doctor is nil, that take some of
	// the time and end after now, without reservations that have expired. Errors: none.
	Visits(
		ctx context.Context, doctor *doctors.ID, during calendar.Span, now time.Time, limit int,
	) ([]domain.Visit, error)
}
