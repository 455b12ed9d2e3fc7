// Package app implements the use cases of the appointments module, one method each. Every use case acts for a user: for
// staff with the patients whom they may change, for a doctor with the own calendar, and for a patient with the own
// appointments.
package app

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
	"healthcare/platform/tx"
)

// Service implements the use cases of appointments.
type Service struct {
	appointments ports.Repository
	types        ports.Types
	availability ports.Availability
	waiting      ports.WaitingList
	patients     patients.Directory
	doctors      doctors.Directory
	trail        audit.Recorder
	tx           tx.Runner
	events       events.Publisher
	clock        clock.Clock
	maxOpen      int // appointments.Config.MaxOpenPerPatient
}

// New returns a Service.
func New(
	repository ports.Repository, types ports.Types, availability ports.Availability, waiting ports.WaitingList,
	patientDirectory patients.Directory, doctorDirectory doctors.Directory, trail audit.Recorder, runner tx.Runner,
	publisher events.Publisher, clk clock.Clock, cfg appointments.Config,
) *Service {
	return &Service{
		appointments: repository, types: types, availability: availability, waiting: waiting,
		patients: patientDirectory, doctors: doctorDirectory, trail: trail, tx: runner, events: publisher, clock: clk,
		maxOpen: cfg.MaxOpenPerPatient,
	}
}

// Shown is an appointment as it is shown to a user.
type Shown struct {
	domain.Appointment
	Patient   *patients.Patient // nil: hidden from the user, who is the doctor
	Doctor    *doctors.Doctor   // nil: removed
	Type      domain.Type
	AsPatient bool            // the user is the patient or a delegate
	Conflicts []ConflictShown // those that overbooking ignored

	ignored []domain.Conflict // Conflicts before showIgnored
}

// side is the side on which a user acts.
type side struct {
	patient   *patients.Patient // nil: hidden from the user, who is the doctor
	byPatient bool              // the user is the patient or a delegate
	mayChange bool              // the user may change the patient
}

// reason returns the reason for which the user may see the patient.
func (p side) reason() (reason auth.Reason) {
	if p.patient != nil {
		reason = p.patient.Reason
	}
	return reason
}

// mayBookWith reports whether the user may book an appointment of the patient with a doctor.
func (p side) mayBookWith(who auth.Principal, doctor doctors.ID) bool {
	return p.mayChange || p.byPatient || who.ActsFor(doctor.UUID)
}

// represents reports whether the user who found the patient is the patient or a delegate.
func represents(found patients.Patient) bool {
	return found.Reason.Basis == "self" || found.Reason.Basis == "delegate"
}

// sideOf returns the side on which the user may book and change appointments of the patient with the doctor, and locks
// the patient against removal: staff who may change the patient, the doctor who may read the patient, or the patient.
// Errors: patients.ErrNotFound, patients.ErrReadOnly.
func (s *Service) sideOf(
	ctx context.Context, who auth.Principal, patient patients.ID, doctor doctors.ID, now time.Time,
) (side, error) {
	found, err := s.patients.Hold(ctx, patients.ChangeableBy(who, now), patient)
	if err == nil {
		return side{patient: &found, byPatient: represents(found), mayChange: true}, nil
	}
	if len(who.For) == 0 || !errors.Is(err, patients.ErrNotFound) {
		return side{}, err
	}
	seen := patients.VisibleTo(who, now)
	found, err = s.patients.Hold(ctx, seen.WithoutEmergencies(), patient)
	if err == nil && !represents(found) && !who.ActsFor(doctor.UUID) {
		err = patients.ErrReadOnly
	}
	if errors.Is(err, patients.ErrNotFound) {
		if _, err = s.patients.Hold(ctx, seen, patient); err == nil { // in an emergency
			err = patients.ErrReadOnly
		}
	}
	return side{patient: &found, byPatient: represents(found)}, err
}

// offer is what the practice offers: a doctor, a type, and the rules of the doctor.
type offer struct {
	doctor doctors.Doctor
	of     domain.Type
	rules  calendar.Rules
}

// offered returns the offer of a doctor for an appointment that starts at a time, and locks the doctor against removal.
// The type of an existing appointment that keeps it need not be bookable. Errors: doctors.ErrNotFound,
// doctors.ErrInRemoval, appointments.ErrTypeNotFound, appointments.ErrNotBookable.
func (s *Service) offered(
	ctx context.Context, doctor doctors.ID, kind domain.TypeID, start time.Time, byPatient, keepsType bool,
) (offered offer, err error) {
	terms, unknown := s.terms(ctx, doctor, kind, start)
	return s.hold(ctx, doctor, terms, unknown, byPatient, keepsType)
}

// hold completes the terms of an offer, which may be an error, as offered does.
func (s *Service) hold(
	ctx context.Context, doctor doctors.ID, terms offer, unknown error, byPatient, keepsType bool,
) (offered offer, err error) {
	offered = terms
	if offered.doctor, err = s.doctors.Hold(ctx, doctor); err == nil {
		err = unknown
	}
	if err == nil && !keepsType {
		err = offered.checkBookable(byPatient)
	}
	return offered, err
}

// terms returns an offer without the doctor. It locks nothing. Errors: appointments.ErrTypeNotFound.
func (s *Service) terms(
	ctx context.Context, doctor doctors.ID, kind domain.TypeID, start time.Time,
) (offered offer, err error) {
	if offered.of, err = s.types.Find(ctx, kind); err != nil {
		return offer{}, err
	}
	offered.rules, err = s.rulesOf(ctx, doctor, start)
	return offered, err
}

// checkBookable returns appointments.ErrNotBookable for a type that the user may not book.
func (o offer) checkBookable(byPatient bool) error {
	if !o.of.Active || byPatient && !o.of.ForPatients {
		return appointments.ErrNotBookable
	}
	return nil
}

// rulesOf returns the rules of the doctor for the days around a time.
func (s *Service) rulesOf(ctx context.Context, doctor doctors.ID, start time.Time) (calendar.Rules, error) {
	return s.rulesBetween(ctx, doctor, start, start)
}

// rulesBetween returns the rules of the doctor for the days around two times and between them.
func (s *Service) rulesBetween(ctx context.Context, doctor doctors.ID, from, to time.Time) (calendar.Rules, error) {
	first, last := calendar.DateOf(from, time.UTC), calendar.DateOf(to, time.UTC)
	rules, err := s.availability.Rules(ctx, []doctors.ID{doctor}, first.AddDays(-2), last.AddDays(daysAround))
	return rules[doctor], err
}

// daysAround is the number of days after a time for which the rules are read: those in which next free times are found,
// and those that hours after midnight and another zone add.
const daysAround = daysOfNextFree + 3

// query returns the calendar's query of an appointment.
func (o offer) query(now time.Time) calendar.Query {
	return calendar.Query{
		Now: now, Type: o.of.ID.UUID, Capacity: o.of.Capacity,
		Length:  calendar.Length{Minutes: o.of.Minutes, Before: o.of.BufferBefore, After: o.of.BufferAfter},
		Session: func(start time.Time) uuid.UUID { return domain.Session(o.doctor.ID, o.of, start) },
	}
}

// check returns an error if the rules of the doctor do not allow the start. A patient chooses one of the starts that
// are offered. Errors: appointments.ErrNotAvailable, appointments.ErrOutsideWindow.
func (o offer) check(start, now time.Time, byPatient bool) error {
	query := o.query(now)
	bookable, reason := o.rules.Bookable(start, query)
	switch {
	case !bookable && (reason == calendar.LeadTime || reason == calendar.BeyondHorizon):
		return appointments.ErrOutsideWindow
	case !bookable, byPatient && !o.offers(start, query):
		return appointments.ErrNotAvailable
	}
	return nil
}

// offers reports whether the start is one of the doctor's slots, free or not.
func (o offer) offers(start time.Time, query calendar.Query) bool {
	date := calendar.DateOf(start, o.rules.Zone)
	for day := range o.rules.Days(date.AddDays(-1), date, query) {
		for _, slot := range day.Slots {
			if slot.Start.Equal(start) {
				return true
			}
		}
	}
	return false
}
