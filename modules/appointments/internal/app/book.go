package app

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
)

// Book books an appointment, or reserves its time for some minutes. The patient is looked up first, so that the errors
// reveal nothing about patients of other users. Errors: errs.Invalid, patients.ErrNotFound, patients.ErrReadOnly,
// doctors.ErrNotFound, doctors.ErrInRemoval, appointments.ErrTypeNotFound, appointments.ErrNotBookable,
// appointments.ErrNotPatients, appointments.ErrNotAvailable, appointments.ErrOutsideWindow, appointments.ErrSlotTaken,
// appointments.ErrPatientBusy, appointments.ErrSessionFull, appointments.ErrTooManyHolds, appointments.ErrLimitReached.
func (s *Service) Book(ctx context.Context, who auth.Principal, in domain.Booking) (made Shown, err error) {
	if err := errs.Fields(in.Checks()); err != nil {
		return Shown{}, err
	}
	// Read before the transaction, in which no other writes on SQLite. Their errors follow those about the patient.
	terms, unknown := s.terms(ctx, in.Doctor, in.Type, in.Start)
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		made, err = s.book(ctx, who, in, terms, unknown)
		return err
	})
	if err = s.explainConflicts(ctx, who, err); err == nil {
		err = s.showIgnored(ctx, who, &made)
	}
	return made, s.recordRefusedPatient(ctx, who, in.Patient, err)
}

func (s *Service) book(
	ctx context.Context, who auth.Principal, in domain.Booking, terms offer, unknown error,
) (Shown, error) {
	now := s.clock.Now()
	by, err := s.sideOf(ctx, who, in.Patient, in.Doctor, now)
	if err != nil {
		return Shown{}, err
	}
	if by.byPatient && in.Overbook != nil {
		return Shown{}, appointments.ErrNotPatients
	}
	offered, err := s.hold(ctx, in.Doctor, terms, unknown, by.byPatient, false)
	if err != nil {
		return Shown{}, err
	}
	made := domain.New(*by.patient, in.Reason, who.UserID, now)
	made.Place(in.Doctor, offered.of, in.Start, offered.rules.Zone)
	change := appointments.WasHeld
	if in.Hold != nil {
		made.Reserve(now.Add(time.Duration(*in.Hold) * time.Minute))
	} else {
		change = made.Book(by.byPatient, offered.of)
	}
	how := placing{offer: offered, overbook: in.Overbook, byPatient: by.byPatient, isNew: true, now: now}
	ignored, err := s.place(ctx, who, &made, how)
	if err != nil {
		return Shown{}, err
	}
	if err := s.appointments.Add(ctx, made); err != nil {
		return Shown{}, err
	}
	if err := s.publish(ctx, who, made, change); err != nil {
		return Shown{}, err
	}
	shown := Shown{
		Appointment: made, Patient: by.patient, Doctor: &offered.doctor, Type: offered.of, AsPatient: by.byPatient,
		ignored: ignored,
	}
	return shown, s.trail.Record(ctx, who, newEntry(audit.Create, made, by.reason()))
}

// placing is how a place for an appointment is chosen.
type placing struct {
	offer
	overbook  *string // why the rules of the doctor and conflicts are to be ignored; nil: they are not
	byPatient bool
	isNew     bool
	now       time.Time

	forWaiting bool // a reservation that is an offer of the waiting list
}

// place finds a place for an appointment, whose time is set, and chooses its seat. It rejects the time if the rules of
// the doctor do not allow it, or if others take it, unless overbook is a reason to ignore both; it then returns the
// ignored conflicts. The doctor's and the patient's times stay locked until the transaction ends. Errors: those of
// Book.
func (s *Service) place(
	ctx context.Context, who auth.Principal, a *domain.Appointment, how placing,
) (ignored []domain.Conflict, err error) {
	bookable, outside := how.mayOverbook(a.StartsAt, how.now, how.byPatient)
	if outside != nil && (how.overbook == nil || !bookable) {
		return nil, outside
	}
	// Most attempts to book a popular time end here, without waiting for the locks.
	found, expired, err := s.conflicts(ctx, a, how)
	if err != nil {
		return nil, err
	}
	if err := s.lock(ctx, who, *a, a.DoctorID); err != nil {
		return nil, err
	}
	// Under the locks, also because no constraint prevents an appointment on top of an overbooked one.
	if !s.appointments.WritesAlone() {
		if found, expired, err = s.conflicts(ctx, a, how); err != nil {
			return nil, err
		}
	}
	if err := s.expire(ctx, who, expired, how.now); err != nil {
		return nil, err
	}
	if how.isNew {
		if err := s.checkLimits(ctx, who, *a, how); err != nil {
			return nil, err
		}
	}
	a.Overbooked, a.OverbookReason = false, ""
	if len(found) > 0 || outside != nil || a.Seat >= how.of.Capacity {
		a.Overbooked, a.OverbookReason = true, *how.overbook
	}
	return found, nil
}

// lock locks the times of the doctors and of the patient of an appointment, and the user's reservations if it is one.
func (s *Service) lock(ctx context.Context, who auth.Principal, a domain.Appointment, of ...doctors.ID) error {
	var holder uuid.UUID
	if a.Status == appointments.Held {
		holder = who.UserID
	}
	return s.appointments.Lock(ctx, of, a.PatientID, holder)
}

const (
	// maxBackdated is how long after its start an appointment may be stored.
	maxBackdated = 24 * time.Hour
	// maxYearsAhead is how many years before its start an appointment may be stored. It rejects typing errors, because
	// overbooking ignores the horizon of the doctor.
	maxYearsAhead = 100
)

// mayOverbook reports whether the practice may ignore the error of check, and returns that error.
func (o offer) mayOverbook(start, now time.Time, byPatient bool) (may bool, outside error) {
	if start.Before(now.Add(-maxBackdated)) || start.After(now.AddDate(maxYearsAhead, 0, 0)) {
		return false, appointments.ErrOutsideWindow
	}
	return true, o.check(start, now, byPatient)
}

// conflicts searches the appointments that take the time of a, and chooses the seat of a. Errors: *Conflicting unless
// conflicts and a full group are to be ignored.
func (s *Service) conflicts(
	ctx context.Context, a *domain.Appointment, how placing,
) (found []domain.Conflict, expired []domain.Appointment, err error) {
	ofDoctor, ofPatient, err := s.appointments.Busy(ctx, *a, domain.MaxBusy)
	if err != nil {
		return nil, nil, err
	}
	ofDoctor, expired = domain.SplitExpired(ofDoctor, how.now)
	ofPatient, more := domain.SplitExpired(ofPatient, how.now)
	found = a.Conflicts(ofDoctor, ofPatient)
	full := false
	if how.of.Capacity > 1 {
		a.Seat = a.FreeSeat(ofDoctor)
		full = a.Seat >= how.of.Capacity
	}
	if how.overbook == nil && (len(found) > 0 || full) {
		return nil, nil, &Conflicting{wanted: *a, offered: how.offer, found: found}
	}
	return found, append(expired, more...), nil
}

// expire ends reservations that have expired and exclude another appointment.
func (s *Service) expire(ctx context.Context, who auth.Principal, due []domain.Appointment, now time.Time) error {
	if len(due) == 0 {
		return nil
	}
	ids := make([]appointments.ID, len(due))
	for i, a := range due {
		ids[i] = a.ID
	}
	expired, err := s.appointments.ExpireAll(ctx, ids, now)
	if err != nil {
		return err
	}
	for _, a := range expired {
		if err := s.publish(ctx, who, a, appointments.HasExpired); err != nil {
			return err
		}
	}
	return nil
}

// checkLimits returns an error if the user has too many reservations or offers, or the patient has too many
// appointments for another one of their own. The caller holds the locks. Errors: appointments.ErrTooManyHolds,
// appointments.ErrTooManyOffers, appointments.ErrLimitReached.
func (s *Service) checkLimits(ctx context.Context, who auth.Principal, a domain.Appointment, how placing) error {
	if a.Status == appointments.Held {
		countHeld, limit, reached := s.appointments.CountHolds, domain.MaxHolds, appointments.ErrTooManyHolds
		if how.forWaiting {
			countHeld, limit, reached = s.waiting.CountOffers, domain.MaxOffers, appointments.ErrTooManyOffers
		}
		held, err := countHeld(ctx, who.UserID, how.now, limit)
		if err != nil {
			return err
		}
		if held >= limit {
			return reached
		}
	}
	if !how.byPatient || s.maxOpen == 0 {
		return nil
	}
	open, err := s.appointments.CountOpen(ctx, a.PatientID, how.now, s.maxOpen)
	if err == nil && open >= s.maxOpen {
		err = appointments.ErrLimitReached
	}
	return err
}

func (s *Service) publish(
	ctx context.Context, who auth.Principal, a domain.Appointment, change appointments.Change,
) error {
	return s.events.Publish(ctx, appointments.Changed{Appointment: a.Public(), Change: change, By: who})
}
