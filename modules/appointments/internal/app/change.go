package app

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/revision"
)

// Step is a use case that changes the status of an appointment whose version matches expected.
type Step func(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match,
) (Shown, error)

// step is a change of the status of an appointment.
type step struct {
	expected revision.Match
	practice bool // not by patients
	staff    bool // not by patients, nor by doctors of patients whom they may not change

	following bool // also the later appointments of the series whose patient has not arrived

	// do applies the step, in the transaction of ctx, and returns what happened.
	do func(ctx context.Context, a *domain.Appointment, by side, now time.Time) (appointments.Change, error)
}

// Confirm books a reservation, or accepts a patient's request. Errors: appointments.ErrNotFound, patients.ErrReadOnly,
// appointments.ErrHoldExpired, appointments.ErrNotPatients, appointments.ErrStatus, revision.ErrStale.
func (s *Service) Confirm(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match,
) (Shown, error) {
	return s.step(ctx, who, id, step{expected: expected,
		do: func(ctx context.Context, a *domain.Appointment, by side, now time.Time) (appointments.Change, error) {
			of, err := s.types.Find(ctx, a.TypeID)
			if err != nil {
				return "", err
			}
			return a.Confirm(by.byPatient, of, now)
		}})
}

// Cancel ends an appointment that is not over, and frees its time. Errors: errs.Invalid, appointments.ErrNotFound,
// patients.ErrReadOnly, appointments.ErrTooLate, appointments.ErrStatus, revision.ErrStale.
func (s *Service) Cancel(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match, in domain.Cancellation,
) (Shown, error) {
	return s.step(ctx, who, id, step{expected: expected, following: in.Following,
		do: func(ctx context.Context, a *domain.Appointment, by side, now time.Time) (appointments.Change, error) {
			lead, err := s.leadOf(ctx, *a, by)
			if err != nil {
				return "", err
			}
			return appointments.WasCancelled, a.Cancel(by.byPatient, in.Reason, lead, now)
		}})
}

// leadOf returns the time before an appointment in which its patient no longer changes it.
func (s *Service) leadOf(ctx context.Context, a domain.Appointment, by side) (time.Duration, error) {
	if !by.byPatient {
		return 0, nil
	}
	rules, err := s.rulesOf(ctx, a.DoctorID, a.StartsAt)
	return time.Duration(rules.Lead) * time.Minute, err
}

// Arrive registers the patient's arrival, also of a patient who was missed if the time is still free. Errors:
// appointments.ErrNotFound, patients.ErrReadOnly, appointments.ErrNotPatients, appointments.ErrStatus,
// appointments.ErrSlotTaken, appointments.ErrPatientBusy, appointments.ErrSessionFull, revision.ErrStale.
func (s *Service) Arrive(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match,
) (Shown, error) {
	return s.step(ctx, who, id, step{expected: expected, practice: true,
		do: func(ctx context.Context, a *domain.Appointment, _ side, now time.Time) (appointments.Change, error) {
			if a.Status == appointments.NoShow {
				if err := s.retake(ctx, who, a, now); err != nil {
					return "", err
				}
			}
			return appointments.HasArrived, a.Arrive(now)
		}})
}

// retake checks that the time of a missed appointment is still free, as that of a new one, ends the reservations that
// have expired, and chooses the seat in a group anew. An overbooked appointment stays so. Errors: *Conflicting.
func (s *Service) retake(ctx context.Context, who auth.Principal, a *domain.Appointment, now time.Time) (err error) {
	how := placing{now: now}
	how.doctor.ID = a.DoctorID
	if how.of, err = s.types.Find(ctx, a.TypeID); err != nil {
		return err
	}
	if how.rules, err = s.rulesOf(ctx, a.DoctorID, a.StartsAt); err != nil {
		return err
	}
	if a.Overbooked {
		how.overbook = &a.OverbookReason
	}
	_, expired, err := s.conflicts(ctx, a, how)
	if err != nil {
		return err
	}
	return s.expire(ctx, who, expired, now)
}

// Complete ends the visit. Errors: as of Arrive without those of a place.
func (s *Service) Complete(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match,
) (Shown, error) {
	return s.step(ctx, who, id, step{expected: expected, practice: true,
		do: func(_ context.Context, a *domain.Appointment, _ side, now time.Time) (appointments.Change, error) {
			return appointments.WasFulfilled, a.Complete(now)
		}})
}

// MarkNoShow registers that the patient did not come. Errors: as of Complete, appointments.ErrTooEarly.
func (s *Service) MarkNoShow(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match,
) (Shown, error) {
	return s.step(ctx, who, id, step{expected: expected, practice: true,
		do: func(_ context.Context, a *domain.Appointment, _ side, now time.Time) (appointments.Change, error) {
			return appointments.WasMissed, a.MarkNoShow(now)
		}})
}

// Void marks an appointment that should never have been stored, on behalf of staff who may change the patient. Errors:
// as of Complete.
func (s *Service) Void(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match,
) (Shown, error) {
	return s.step(ctx, who, id, step{expected: expected, practice: true, staff: true,
		do: func(_ context.Context, a *domain.Appointment, _ side, now time.Time) (appointments.Change, error) {
			return appointments.WasVoided, a.Void(now)
		}})
}

// Amend changes the reason of the visit, unless reason is nil. Errors: errs.Invalid, appointments.ErrNotFound,
// patients.ErrReadOnly, revision.ErrStale.
func (s *Service) Amend(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match, reason *string,
) (Shown, error) {
	return s.step(ctx, who, id, step{expected: expected,
		do: func(_ context.Context, a *domain.Appointment, _ side, now time.Time) (appointments.Change, error) {
			if reason == nil {
				return "", nil
			}
			return "", a.SetReason(*reason, now)
		}})
}

// step applies a step in a transaction.
func (s *Service) step(
	ctx context.Context, who auth.Principal, id appointments.ID, of step,
) (shown Shown, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		shown, err = s.apply(ctx, who, id, of)
		return err
	})
	return shown, s.recordRefusal(ctx, who, id, s.explainConflicts(ctx, who, err))
}

func (s *Service) apply(
	ctx context.Context, who auth.Principal, id appointments.ID, of step,
) (shown Shown, err error) {
	now := s.clock.Now()
	before, by, err := s.changeable(ctx, who, id, now)
	if err != nil {
		return shown, err
	}
	if of.practice && by.byPatient || of.staff && !by.mayChange {
		return shown, appointments.ErrNotPatients
	}
	// A missed appointment may take its time again. A series is locked in another order by a move.
	if before.Status == appointments.NoShow || of.following {
		if err := s.lock(ctx, who, before, before.DoctorID); err != nil {
			return shown, err
		}
	}
	after, err := s.applyTo(ctx, who, id, by, of, now)
	if err != nil {
		return shown, err
	}
	if of.following {
		of.expected = revision.Match{}
		err := s.eachFollowing(ctx, after, func(a domain.Appointment) error {
			_, err := s.applyTo(ctx, who, a.ID, by, of, now)
			return err
		})
		if err != nil {
			return shown, err
		}
	}
	return s.show(ctx, after, by)
}

// applyTo applies a step to one appointment, publishes what happened and records the changed fields.
func (s *Service) applyTo(
	ctx context.Context, who auth.Principal, id appointments.ID, by side, of step, now time.Time,
) (after domain.Appointment, err error) {
	var before domain.Appointment
	var change appointments.Change
	after, err = s.appointments.Change(ctx, id, func(a *domain.Appointment) (err error) {
		if err := of.expected.Check(a.Version); err != nil {
			return err
		}
		before = *a
		change, err = of.do(ctx, a, by, now)
		return err
	})
	if err != nil {
		return after, err
	}
	entries, err := s.followWaiting(ctx, before, after, by, now)
	if err != nil {
		return after, err
	}
	if change != "" {
		if err := s.publish(ctx, who, after, change); err != nil {
			return after, err
		}
	}
	entry := newEntry(audit.Update, after, by.reason())
	entry.Fields = differing(before, after)
	return after, s.trail.Record(ctx, who, append(entries, entry)...)
}

// eachFollowing calls do with the later appointments of the series of a whose patient has not arrived.
func (s *Service) eachFollowing(
	ctx context.Context, a domain.Appointment, do func(domain.Appointment) error,
) error {
	if a.SeriesID == uuid.Nil {
		return nil
	}
	later, err := s.appointments.OfSeries(ctx, a.SeriesID, a.StartsAt, domain.MaxCount)
	if err != nil {
		return err
	}
	for _, other := range later {
		if other.ID == a.ID || !other.IsAhead() {
			continue
		}
		if err := do(other); err != nil {
			return err
		}
	}
	return nil
}

// changeable returns an appointment that the user may change, and the side on which the user does it. It locks the
// patient, if the user may see them, but not the appointment. Errors: appointments.ErrNotFound, patients.ErrReadOnly.
func (s *Service) changeable(
	ctx context.Context, who auth.Principal, id appointments.ID, now time.Time,
) (domain.Appointment, side, error) {
	a, err := s.appointments.Find(ctx, id)
	if err != nil {
		return a, side{}, err
	}
	by, err := s.sideToChange(ctx, who, a, now)
	return a, by, err
}

// sideToChange returns the side on which the user changes an appointment: that of sideOf, or that of its doctor.
// Errors: appointments.ErrNotFound, patients.ErrReadOnly.
func (s *Service) sideToChange(
	ctx context.Context, who auth.Principal, a domain.Appointment, now time.Time,
) (side, error) {
	by, err := s.sideOf(ctx, who, a.PatientID, a.DoctorID, now)
	if err != nil && who.ActsFor(a.DoctorID.UUID) {
		if errors.Is(err, patients.ErrNotFound) || errors.Is(err, patients.ErrReadOnly) {
			return s.doctorsSide(ctx, who, a, now)
		}
	}
	if errors.Is(err, patients.ErrNotFound) {
		err = appointments.ErrNotFound
	}
	return by, err
}

// doctorsSide returns the side of the doctor of an appointment whose patient is not granted to the doctor: with the
// patient's name, unless the patient is hidden from the doctor.
func (s *Service) doctorsSide(
	ctx context.Context, who auth.Principal, a domain.Appointment, now time.Time,
) (side, error) {
	visitors, err := s.visitors(ctx, who, []domain.Appointment{a}, now)
	if visitor, seen := visitors[a.PatientID]; seen && err == nil {
		return side{patient: &visitor}, nil
	}
	return side{}, err
}
