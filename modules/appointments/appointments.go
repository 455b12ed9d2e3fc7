// Package appointments is the public package of the appointments module: times at which a patient visits a doctor. No
// two of them overlap, neither those of a doctor nor those of a patient. The types, interfaces and events that other
// modules use are here; everything else is internal.
package appointments

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// ID identifies an appointment.
type ID = recordid.Of[Appointment]

// ParseID reads an id in its canonical form. Errors: ErrNotFound.
func ParseID(s string) (ID, error) { return recordid.Parse[ID](s, ErrNotFound) }

// SeriesID identifies a series.
type SeriesID = recordid.Of[series]

type series struct{}

// ParseSeriesID reads an id in its canonical form. Errors: ErrSeriesNotFound.
func ParseSeriesID(s string) (SeriesID, error) { return recordid.Parse[SeriesID](s, ErrSeriesNotFound) }

// Status is the status of an appointment. Except Held and Expired they are those of FHIR R4 (AppointmentStatus). In
// FHIR, Held is pending, with a slot that is busy-tentative.
type Status string

// The statuses.
const (
	Held           Status = "held"    // reserved for some minutes
	Pending        Status = "pending" // requested by the patient; the practice has not confirmed it
	Booked         Status = "booked"
	Arrived        Status = "arrived"
	Fulfilled      Status = "fulfilled"
	Cancelled      Status = "cancelled"
	NoShow         Status = "noshow"
	EnteredInError Status = "entered-in-error"
	Expired        Status = "expired" // a reservation whose minutes have passed
)

// Statuses lists all statuses.
var Statuses = []Status{
	Held, Pending, Booked, Arrived, Fulfilled, Cancelled, NoShow, EnteredInError, Expired,
}

// Valid reports whether the status exists.
func (s Status) Valid() bool { return slices.Contains(Statuses, s) }

// Active reports whether an appointment of the status takes time of its doctor and patient.
func (s Status) Active() bool { return slices.Contains([]Status{Held, Pending, Booked, Arrived}, s) }

// Appointment is the part of an appointment that other modules may use. It has neither the reason nor names.
type Appointment struct {
	ID       ID
	Version  int
	Status   Status
	Patient  uuid.UUID
	Doctor   uuid.UUID // zero: removed since
	Owner    uuid.UUID // of the patient
	StartsAt time.Time
	TimeZone string // IANA name, in which StartsAt was promised
}

// Directory finds appointments for other modules.
type Directory interface {
	// Find returns one appointment, whoever may see it. Errors: ErrNotFound.
	Find(ctx context.Context, id ID) (Appointment, error)
}

// Change is what happened to an appointment.
type Change string

// The changes.
const (
	WasHeld      Change = "held"
	WasRequested Change = "requested"
	WasBooked    Change = "booked"
	WasMoved     Change = "moved"
	WasCancelled Change = "cancelled"
	HasArrived   Change = "arrived"
	WasFulfilled Change = "fulfilled"
	WasMissed    Change = "noshow"
	WasVoided    Change = "entered-in-error"
	HasExpired   Change = "expired"
)

// Changed is published in the transaction that changes an appointment, except that of a removal of its patient or
// doctor, to which subscribers react themselves.
type Changed struct {
	Appointment
	Change Change
	By     auth.Principal
}

// Config has the settings of the operator.
type Config struct {
	MaxOpenPerPatient int // appointments of one patient that are not over; 0: no limit
}

// Errors of the module.
var (
	ErrNotFound      = errs.New(errs.NotFound, "not_found", "No such appointment.")
	ErrTypeNotFound  = errs.New(errs.NotFound, "not_found", "No such appointment type.")
	ErrLimitReached  = errs.New(errs.Conflict, "limit_reached", "The patient has the maximum number of appointments.")
	ErrTypeNameTaken = errs.Duplicate("name", "type_name_taken", "Another appointment type has this name.")
	ErrTypeInUse     = errs.New(
		errs.Conflict, "type_in_use", "Appointments or opening hours have this type. Set active to false instead.",
	)
	ErrExceptionNotFound = errs.New(errs.NotFound, "not_found", "No such exception.")
	ErrTooManyExceptions = errs.New(
		errs.Conflict, "too_many_exceptions", "There are 400 exceptions that have not passed. Remove some first.",
	)
	ErrOtherDoctor = errs.New(
		errs.Forbidden, "not_your_doctor", "You can change the opening hours of the doctor for whom you act only.",
	)
	ErrNotBookable  = errs.New(errs.Conflict, "type_not_bookable", "This appointment type cannot be booked.")
	ErrNotAvailable = errs.New(
		errs.Conflict, "not_available", "The doctor does not offer this appointment type at this time.",
	)
	ErrSlotsTooWide = errs.New(
		errs.Invalid, "slots_too_wide", "The days multiplied by the doctors are too many.",
	)
	ErrOutsideWindow = errs.New(
		errs.Conflict, "outside_booking_window", "The time is too soon or too far ahead to be booked.",
	)
	ErrSlotTaken = errs.New(
		errs.Conflict, "slot_taken", "The doctor has another appointment at this time.",
	)
	ErrPatientBusy = errs.New(
		errs.Conflict, "patient_busy", "The patient has another appointment at this time.",
	)
	ErrSessionFull  = errs.New(errs.Conflict, "session_full", "All seats of this group are taken.")
	ErrHoldExpired  = errs.New(errs.Conflict, "hold_expired", "The reservation has expired.")
	ErrTooManyHolds = errs.New(errs.Conflict, "too_many_holds", "You have the maximum number of reservations.")
	ErrStatus       = errs.New(
		errs.Conflict, "status_conflict", "The status of the appointment does not allow this.",
	)
	ErrTooLate = errs.New(
		errs.Conflict, "too_late", "It is too late to change this appointment. Contact the practice.",
	)
	ErrTooEarly    = errs.New(errs.Conflict, "too_early", "The appointment has not begun.")
	ErrNotPatients = errs.New(
		errs.Forbidden, "practice_only", "Only the practice may do this.",
	)
	ErrSeriesNotFound  = errs.New(errs.NotFound, "not_found", "No such series.")
	ErrSeriesConflicts = errs.New(
		errs.Conflict, "series_conflicts", "Some appointments of the series cannot be booked.",
	)
	ErrFeedNotFound = errs.New(errs.NotFound, "not_found", "No such calendar feed.")
	ErrTooManyFeeds = errs.New(
		errs.Conflict, "too_many_feeds", "The doctor has the maximum number of calendar feeds. Delete one first.",
	)
	ErrFeedsOfOthers = errs.New(
		errs.Forbidden, "not_own_calendar", "Only the user of this doctor's record or an administrator can do this.",
	)
	ErrInitials = errs.New(
		errs.Forbidden, "initials_not_allowed", "Only administrators can create a feed with the initials of patients.",
	)
	ErrTooManyFeedReads = errs.New(
		errs.Throttled, "too_many_requests", "This calendar is read too often. Try again later.",
	)
	ErrWaitingNotFound = errs.New(errs.NotFound, "not_found", "No such entry of the waiting list.")
	ErrTooManyWaiting  = errs.New(
		errs.Conflict, "too_many_waiting", "The patient has the maximum number of entries in the waiting list.",
	)
	ErrNotWaiting = errs.New(
		errs.Conflict, "not_waiting", "The patient no longer waits, or has an offer that has not expired.",
	)
	ErrTooManyOffers = errs.New(
		errs.Conflict, "too_many_offers", "You have the maximum number of offers that have not expired.",
	)
	ErrDoctorHasAppointments = errs.New(
		errs.Conflict, "doctor_has_appointments", "The doctor has future appointments. Move or cancel them first.",
	)
)
