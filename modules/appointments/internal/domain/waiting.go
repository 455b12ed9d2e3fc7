package domain

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// WaitingID identifies an entry of the waiting list.
type WaitingID = recordid.Of[WaitingEntry]

// ParseWaitingID reads an id in its canonical form. Errors: appointments.ErrWaitingNotFound.
func ParseWaitingID(s string) (WaitingID, error) {
	return recordid.Parse[WaitingID](s, appointments.ErrWaitingNotFound)
}

// WaitingEntry is the wish of a patient for an appointment on some days. The practice offers one by reserving a time.
type WaitingEntry struct {
	ID        WaitingID
	OwnerID   uuid.UUID // the patient's owner
	PatientID patients.ID
	DoctorID  doctors.ID // zero: any doctor
	TypeID    TypeID
	From, To  calendar.Date // both included
	PartOfDay PartOfDay
	State     WaitingState

	AppointmentID appointments.ID // that is offered or booked; zero otherwise
	OfferedUntil  time.Time       // when the reservation of the offer expires; zero otherwise

	Version   int // starts at 1 and is incremented by every change
	CreatedBy uuid.UUID
	CreatedAt time.Time
	UpdatedAt time.Time
}

// WaitingState is the state of an entry of the waiting list.
type WaitingState string

// The states. HasPassed is never stored, because it follows from the last day.
const (
	IsWaiting WaitingState = "waiting"
	IsOffered WaitingState = "offered" // an appointment is reserved for the patient
	IsBooked  WaitingState = "booked"
	HasLeft   WaitingState = "left"    // ended by the patient or the practice
	HasPassed WaitingState = "expired" // the last day has passed
)

// PartOfDay is the part of a day on the wall clock.
type PartOfDay string

// The parts of a day.
const (
	AnyPart   PartOfDay = "any"
	Morning   PartOfDay = "morning"   // before 12:00
	Afternoon PartOfDay = "afternoon" // before 17:00
	Evening   PartOfDay = "evening"
)

// PartsOfDay lists the parts of a day.
var PartsOfDay = []PartOfDay{AnyPart, Morning, Afternoon, Evening}

const (
	// MaxWaiting is the maximum number of a patient's entries that wait or have an offer.
	MaxWaiting = 20
	// MaxOffers is the maximum number of open offers of a user. They are not among the MaxHolds reservations.
	MaxOffers = 20
	// DefaultOffer and MaxOffer are the minutes for which an offer reserves a time.
	DefaultOffer = 30
	MaxOffer     = 240

	// maxWaitingDays is the maximum number of days of an entry.
	maxWaitingDays = 366

	noon    = 12
	evening = 17
)

// Moment is a time and its date in the time zone of the service.
type Moment struct {
	Now   time.Time
	Today calendar.Date
}

// WaitingInput is the input of a new entry.
type WaitingInput struct {
	Patient   patients.ID
	Doctor    *doctors.ID // nil: any doctor
	Type      TypeID
	From, To  calendar.Date
	PartOfDay string // in any letter case; "": any
}

var (
	errBeforeFirst = errors.New("May not be before the first day.")
	errPartOfDay   = errors.New("Must be one of any, morning, afternoon, evening.")
)

// Checks returns the errors of the fields (nil for valid ones), except of a last day in the past.
func (in *WaitingInput) Checks() map[string]error {
	in.PartOfDay = strings.ToLower(strings.TrimSpace(in.PartOfDay))
	if in.PartOfDay == "" {
		in.PartOfDay = string(AnyPart)
	}
	checks := map[string]error{}
	switch {
	case in.To < in.From:
		checks["to_on"] = errBeforeFirst
	case in.To >= in.From.AddDays(maxWaitingDays):
		checks["to_on"] = errTooLong
	}
	if !slices.Contains(PartsOfDay, PartOfDay(in.PartOfDay)) {
		checks["part_of_day"] = errPartOfDay
	}
	return checks
}

// DoctorOrZero returns the doctor, or zero for any doctor.
func (in *WaitingInput) DoctorOrZero() (doctor doctors.ID) {
	if in.Doctor != nil {
		doctor = *in.Doctor
	}
	return doctor
}

// CheckLastDay returns an error if the last day has passed. Errors: errs.Invalid.
func (in *WaitingInput) CheckLastDay(today calendar.Date) error {
	if in.To < today {
		return errs.Fields(map[string]error{"to_on": errPast})
	}
	return nil
}

// NewWaitingEntry returns a new entry of the patient. The input has been checked.
func NewWaitingEntry(patient patients.Patient, in WaitingInput, by uuid.UUID, now time.Time) WaitingEntry {
	return WaitingEntry{
		ID: recordid.New[WaitingID](), OwnerID: patient.Owner, PatientID: patient.ID, DoctorID: in.DoctorOrZero(),
		TypeID: in.Type, From: in.From, To: in.To, PartOfDay: PartOfDay(in.PartOfDay), State: IsWaiting, Version: 1,
		CreatedBy: by, CreatedAt: now, UpdatedAt: now,
	}
}

// Settle ends an offer whose reservation has expired, and an entry whose last day has passed. The result is not stored
// until another change is, so that no timer is needed.
func (e *WaitingEntry) Settle(at Moment) {
	if e.State == IsOffered && !e.OfferedUntil.After(at.Now) {
		e.become(IsWaiting)
	}
	if e.State == IsWaiting && e.To < at.Today {
		e.become(HasPassed)
	}
}

// become sets a state without an appointment.
func (e *WaitingEntry) become(state WaitingState) {
	e.State, e.AppointmentID, e.OfferedUntil = state, appointments.ID{}, time.Time{}
}

// CheckWaiting returns an error unless the settled entry can get an offer. Errors: appointments.ErrNotWaiting.
func (e *WaitingEntry) CheckWaiting() error {
	if e.State != IsWaiting {
		return appointments.ErrNotWaiting
	}
	return nil
}

// Offer begins the offer of a reservation. Errors: appointments.ErrNotWaiting.
func (e *WaitingEntry) Offer(hold Appointment, at Moment) error {
	e.Settle(at)
	if err := e.CheckWaiting(); err != nil {
		return err
	}
	e.State, e.AppointmentID, e.OfferedUntil = IsOffered, hold.ID, hold.ExpiresAt
	e.touch(at.Now)
	return nil
}

// Leave ends the entry. Errors: appointments.ErrNotWaiting if it has ended or led to an appointment.
func (e *WaitingEntry) Leave(at Moment) error {
	e.Settle(at)
	if e.State != IsWaiting && e.State != IsOffered {
		return appointments.ErrNotWaiting
	}
	e.become(HasLeft)
	e.touch(at.Now)
	return nil
}

// Follow applies a change of the entry's appointment: the patient has a confirmed reservation, and waits again without
// a reservation or request that was cancelled, and without an appointment that should never have been stored.
func (e *WaitingEntry) Follow(before, after Appointment, now time.Time) {
	waits := e.State == IsOffered || e.State == IsBooked
	switch {
	case e.AppointmentID != after.ID || !waits:
	case after.Status == appointments.EnteredInError, after.Status == appointments.Cancelled && before.IsUnconfirmed():
		e.become(IsWaiting)
		e.touch(now)
	case e.State == IsOffered && before.Status == appointments.Held && after.Status != appointments.Held:
		e.State, e.OfferedUntil = IsBooked, time.Time{}
		e.touch(now)
	}
}

// IsUnconfirmed reports whether the appointment is a reservation or a request.
func (a Appointment) IsUnconfirmed() bool {
	return a.Status == appointments.Held || a.Status == appointments.Pending
}

func (e *WaitingEntry) touch(now time.Time) {
	e.Version++
	e.UpdatedAt = now
}

// WaitingFilter narrows a list of entries. The zero WaitingFilter matches all.
type WaitingFilter struct {
	Patient *uuid.UUID
	State   WaitingState // "": every state
	Fit     *Fit
}

// Fit selects the entries that wait for an appointment like a given one.
type Fit struct {
	Type      TypeID
	Doctor    doctors.ID
	On        calendar.Date
	PartOfDay PartOfDay
}

// FitOf returns the Fit of an appointment: its day and the part of the day in its time zone.
func FitOf(a Appointment) Fit {
	local := a.Local()
	fit := Fit{
		Type: a.TypeID, Doctor: a.DoctorID, On: calendar.DateOf(a.StartsAt, local.Location()), PartOfDay: Evening,
	}
	switch hour := local.Hour(); {
	case hour < noon:
		fit.PartOfDay = Morning
	case hour < evening:
		fit.PartOfDay = Afternoon
	}
	return fit
}

// OfferInput is the input of an offer.
type OfferInput struct {
	Doctor  doctors.ID
	Start   time.Time
	Minutes int // of the reservation: 1 to MaxOffer
}

// Checks returns the errors of the fields (nil for valid ones).
func (in OfferInput) Checks() map[string]error {
	return map[string]error{"minutes": between(in.Minutes, 1, MaxOffer)}
}
