package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// Conflicting is the error of an appointment whose time others take. It wraps appointments.ErrSlotTaken,
// appointments.ErrPatientBusy or, without conflicts, appointments.ErrSessionFull.
type Conflicting struct {
	Conflicts []ConflictShown // all of them, at most domain.MaxShown
	NextFree  []time.Time     // the next starts at which the appointment can be booked, at most three

	wanted  domain.Appointment
	offered offer
	found   []domain.Conflict
	free    bool // nothing prevents the appointment
}

// ConflictShown is a conflict as it is shown.
type ConflictShown struct {
	With     domain.Party
	From, To time.Time
	ID       appointments.ID // zero: the user may not see the appointment
}

// Error implements error.
func (c *Conflicting) Error() string { return fmt.Sprint(c.Unwrap()) }

// Unwrap returns the declared error, nil if nothing prevents the appointment.
func (c *Conflicting) Unwrap() error {
	if c.free {
		return nil
	}
	if len(c.found) == 0 {
		return appointments.ErrSessionFull
	}
	return domain.ErrConflicts(c.found)
}

// FindConflicts returns what prevents an appointment, without booking it: a Conflicting that wraps no error if nothing
// does, with the conflicts that overbooking would ignore. Errors: those of Book except those that Conflicting wraps and
// those of limits.
func (s *Service) FindConflicts(
	ctx context.Context, who auth.Principal, in domain.Booking,
) (found *Conflicting, err error) {
	if err := errs.Fields(in.Checks()); err != nil {
		return nil, err
	}
	var by side
	err = s.tx.Do(ctx, func(ctx context.Context) (err error) {
		by, found, err = s.findConflicts(ctx, who, in)
		return err
	})
	if err != nil {
		return nil, s.recordRefusedPatient(ctx, who, in.Patient, err)
	}
	if err := s.explain(ctx, who, found); err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for _, c := range found.Conflicts {
		if c.ID != (appointments.ID{}) {
			ids = append(ids, c.ID.UUID)
		}
	}
	page := audit.Entry{Action: audit.List, Resource: resource, PatientID: in.Patient.UUID, Reason: by.reason()}
	return found, s.trail.Record(ctx, who, audit.NewListEntries(page, ids)...)
}

func (s *Service) findConflicts(
	ctx context.Context, who auth.Principal, in domain.Booking,
) (by side, found *Conflicting, err error) {
	now := s.clock.Now()
	if by, err = s.sideOf(ctx, who, in.Patient, in.Doctor, now); err != nil {
		return by, nil, err
	}
	if by.byPatient && in.Overbook != nil {
		return by, nil, appointments.ErrNotPatients
	}
	offered, err := s.offered(ctx, in.Doctor, in.Type, in.Start, by.byPatient, false)
	if err != nil {
		return by, nil, err
	}
	bookable, outside := offered.mayOverbook(in.Start, now, by.byPatient)
	if outside != nil && (in.Overbook == nil || !bookable) {
		return by, nil, outside
	}
	wanted := domain.New(*by.patient, "", who.UserID, now)
	wanted.Place(in.Doctor, offered.of, in.Start, offered.rules.Zone)
	how := placing{offer: offered, overbook: in.Overbook, byPatient: by.byPatient, now: now}
	ignored, _, err := s.conflicts(ctx, &wanted, how)
	if err == nil {
		return by, &Conflicting{wanted: wanted, offered: offered, found: ignored, free: true}, nil
	}
	if errors.As(err, &found) {
		err = nil
	}
	return by, found, err
}

// explainConflicts completes a *Conflicting, after the transaction. It returns other errors.
func (s *Service) explainConflicts(ctx context.Context, who auth.Principal, err error) error {
	var of *Conflicting
	if !errors.As(err, &of) {
		return err
	}
	if err := s.explain(ctx, who, of); err != nil {
		return err
	}
	return of
}

// explain adds the conflicts as the user may see them, and the next free times.
func (s *Service) explain(ctx context.Context, who auth.Principal, of *Conflicting) (err error) {
	if of.Conflicts, err = s.showConflicts(ctx, who, of.found); err != nil {
		return err
	}
	of.NextFree, err = s.nextFree(ctx, of.wanted, of.offered)
	return err
}

// showIgnored adds the conflicts that overbooking ignored, as the user may see them.
func (s *Service) showIgnored(ctx context.Context, who auth.Principal, shown *Shown) (err error) {
	if len(shown.ignored) > 0 {
		shown.Conflicts, err = s.showConflicts(ctx, who, shown.ignored)
	}
	return err
}

// showConflicts returns the conflicts with the ids of the appointments that the user may see: those of visible patients
// and of the own calendar.
func (s *Service) showConflicts(
	ctx context.Context, who auth.Principal, found []domain.Conflict,
) ([]ConflictShown, error) {
	found = found[:min(len(found), domain.MaxShown)]
	if len(found) == 0 {
		return nil, nil
	}
	ids := make(recordid.Set[patients.ID])
	for _, c := range found {
		ids.Add(c.Of.PatientID)
	}
	scope := patients.VisibleTo(who, s.clock.Now()).WithoutEmergencies()
	visible, err := s.patients.FindAll(ctx, scope, ids.All())
	if err != nil {
		return nil, err
	}
	shown := make([]ConflictShown, len(found))
	for i, c := range found {
		shown[i] = ConflictShown{With: c.With, From: c.From, To: c.To}
		if _, seen := visible[c.Of.PatientID]; seen || who.ActsFor(c.Of.DoctorID.UUID) {
			shown[i].ID = c.Of.ID
		}
	}
	return shown, nil
}

const (
	daysOfNextFree  = 14
	timesOfNextFree = 3
)

// nextFree returns the next starts at which an appointment can be booked instead: within two weeks, for its patient.
func (s *Service) nextFree(ctx context.Context, a domain.Appointment, offered offer) ([]time.Time, error) {
	now := s.clock.Now()
	load := func(reach calendar.Span) (blocks, visits []calendar.Busy, err error) {
		of, visits, err := s.appointments.BusyTimes(
			ctx, []doctors.ID{a.DoctorID}, &a.PatientID, reach.From, reach.To, now)
		return of[a.DoctorID], visits, err
	}
	after := a.StartsAt
	if now.After(after) {
		after = now
	}
	return offered.rules.NextFree(after, daysOfNextFree, timesOfNextFree, offered.query(now), load)
}
