package domain

import (
	"slices"
	"strings"
	"time"

	"healthcare/modules/appointments"
	"healthcare/platform/errs"
)

// CancelReasons lists why appointments are cancelled.
var CancelReasons = []string{"patient", "practice", "weather", "other"}

// Cancellation is the input of the end of an appointment.
type Cancellation struct {
	Reason    string // in any letter case; "": that of the side on which the user acts
	Following bool   // also the later appointments of the series
}

// DefaultHold and MaxHold are the minutes for which a time is reserved.
const (
	DefaultHold = 10
	MaxHold     = 15
)

// MaxHolds is the maximum number of open reservations of a user.
const MaxHolds = 3

// errStatus returns appointments.ErrStatus with the status of the appointment and the one that it cannot get.
func (a *Appointment) errStatus(to appointments.Status) error {
	return appointments.ErrStatus.With(map[string]any{"from": string(a.Status), "to": string(to)})
}

// Reserve begins a reservation that ends at a time.
func (a *Appointment) Reserve(until time.Time) { a.Status, a.ExpiresAt = appointments.Held, until }

// Book begins an appointment that is not reserved: pending if a patient books a type that the practice confirms.
func (a *Appointment) Book(byPatient bool, of Type) appointments.Change {
	a.ExpiresAt = time.Time{}
	if byPatient && of.NeedsConfirmation {
		a.Status = appointments.Pending
		return appointments.WasRequested
	}
	a.Status = appointments.Booked
	return appointments.WasBooked
}

// Confirm books a reservation that has not expired, or accepts a request. Errors: appointments.ErrHoldExpired,
// appointments.ErrNotPatients, appointments.ErrStatus.
func (a *Appointment) Confirm(byPatient bool, of Type, now time.Time) (appointments.Change, error) {
	switch a.Status {
	case appointments.Held:
		if !a.ExpiresAt.After(now) {
			return "", appointments.ErrHoldExpired
		}
	case appointments.Expired:
		return "", appointments.ErrHoldExpired
	case appointments.Pending:
		if byPatient {
			return "", appointments.ErrNotPatients
		}
	default:
		return "", a.errStatus(appointments.Booked)
	}
	a.touch(now)
	return a.Book(byPatient, of), nil
}

// Cancel ends an appointment that is not over, and frees its time. A patient cancels at least lead before it begins,
// and a reservation at any time. Errors: errs.Invalid, appointments.ErrTooLate, appointments.ErrStatus.
func (a *Appointment) Cancel(byPatient bool, reason string, lead time.Duration, now time.Time) error {
	reason = strings.ToLower(strings.TrimSpace(reason))
	if reason == "" {
		reason = "practice"
		if byPatient {
			reason = "patient"
		}
	}
	if !slices.Contains(CancelReasons, reason) {
		return errs.Invalidf("reason", "Must be one of %s.", strings.Join(CancelReasons, ", "))
	}
	if !a.Status.Active() || byPatient && a.Status == appointments.Arrived {
		return a.errStatus(appointments.Cancelled)
	}
	if byPatient && a.Status != appointments.Held && a.tooLate(lead, now) {
		return appointments.ErrTooLate
	}
	a.Status, a.CancelReason, a.ExpiresAt = appointments.Cancelled, reason, time.Time{}
	a.Sequence++
	a.touch(now)
	return nil
}

// tooLate reports whether less than lead remains before the appointment begins.
func (a *Appointment) tooLate(lead time.Duration, now time.Time) bool {
	return now.After(a.StartsAt.Add(-lead))
}

// IsAhead reports whether the visit has neither begun nor been cancelled, whatever the time is.
func (a *Appointment) IsAhead() bool {
	ahead := []appointments.Status{appointments.Held, appointments.Pending, appointments.Booked}
	return slices.Contains(ahead, a.Status)
}

// CheckMovable returns an error if the appointment may not be moved to another time. A patient moves it at least lead
// before it begins. Errors: appointments.ErrHoldExpired, appointments.ErrTooLate, appointments.ErrStatus.
func (a *Appointment) CheckMovable(byPatient bool, lead time.Duration, now time.Time) error {
	switch {
	case a.Status == appointments.Expired, a.Status == appointments.Held && !a.ExpiresAt.After(now):
		return appointments.ErrHoldExpired
	case !a.IsAhead():
		return a.errStatus(appointments.Booked)
	case byPatient && a.tooLate(lead, now):
		return appointments.ErrTooLate
	}
	return nil
}

// Moved counts the change of the place of an appointment, which Place has set. A patient's change of a type that the
// practice confirms is a request again.
func (a *Appointment) Moved(byPatient bool, of Type, now time.Time) {
	if a.Status != appointments.Held {
		a.Book(byPatient, of)
	}
	a.Sequence++
	a.touch(now)
}

// Arrive registers the patient's arrival, also of a patient who was missed. Errors: appointments.ErrStatus.
func (a *Appointment) Arrive(now time.Time) error {
	return a.step(appointments.Arrived, now, appointments.Booked, appointments.NoShow)
}

// Complete ends the visit. Errors: appointments.ErrStatus.
func (a *Appointment) Complete(now time.Time) error {
	return a.step(appointments.Fulfilled, now, appointments.Arrived)
}

// MarkNoShow registers that the patient did not come to an appointment that has begun. Errors:
// appointments.ErrTooEarly, appointments.ErrStatus.
func (a *Appointment) MarkNoShow(now time.Time) error {
	if a.Status == appointments.Booked && now.Before(a.StartsAt) {
		return appointments.ErrTooEarly
	}
	return a.step(appointments.NoShow, now, appointments.Booked)
}

// Void marks an appointment that should never have been stored. Errors: appointments.ErrStatus.
func (a *Appointment) Void(now time.Time) error {
	if a.Status == appointments.EnteredInError {
		return a.errStatus(appointments.EnteredInError)
	}
	a.Status, a.ExpiresAt = appointments.EnteredInError, time.Time{}
	a.Sequence++
	a.touch(now)
	return nil
}

// Expire ends a reservation whose time has passed.
func (a *Appointment) Expire(now time.Time) {
	a.Status, a.ExpiresAt = appointments.Expired, time.Time{}
	a.touch(now)
}

func (a *Appointment) step(to appointments.Status, now time.Time, from ...appointments.Status) error {
	if !slices.Contains(from, a.Status) {
		return a.errStatus(to)
	}
	a.Status = to
	a.touch(now)
	return nil
}
