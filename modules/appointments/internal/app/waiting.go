package app

import (
	"context"
	"errors"
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
	"healthcare/platform/paging"
	"healthcare/platform/revision"
)

// WaitingShown is an entry of the waiting list as it is shown to a user.
type WaitingShown struct {
	domain.WaitingEntry
	Patient *patients.Patient // nil: hidden from the user, who is the doctor
	Doctor  *doctors.Doctor   // nil: any doctor
	Type    domain.Type
}

// wanted returns the appointment for which an entry waits, without a time, for the functions that look up its patient,
// doctor and type.
func wanted(e domain.WaitingEntry) domain.Appointment {
	return domain.Appointment{
		ID: appointments.ID{UUID: e.ID.UUID}, OwnerID: e.OwnerID, PatientID: e.PatientID, DoctorID: e.DoctorID,
		TypeID: e.TypeID,
	}
}

// moment returns the current time, and its date in the time zone of the service.
func (s *Service) moment(ctx context.Context) (domain.Moment, error) {
	now := s.clock.Now()
	zone, err := s.availability.Zone(ctx, nil)
	if err != nil {
		return domain.Moment{}, err
	}
	return domain.Moment{Now: now, Today: calendar.DateOf(now, zone)}, nil
}

// waitingNow returns an entry without checking access, and the current time. Errors: appointments.ErrWaitingNotFound.
func (s *Service) waitingNow(
	ctx context.Context, id domain.WaitingID,
) (entry domain.WaitingEntry, at domain.Moment, err error) {
	if at, err = s.moment(ctx); err == nil {
		entry, err = s.waiting.Find(ctx, id)
	}
	return entry, at, err
}

// Enlist adds an entry to the waiting list. Errors: errs.Invalid, patients.ErrNotFound, patients.ErrReadOnly,
// doctors.ErrNotFound, doctors.ErrInRemoval, appointments.ErrTypeNotFound, appointments.ErrNotBookable,
// appointments.ErrTooManyWaiting.
func (s *Service) Enlist(
	ctx context.Context, who auth.Principal, in domain.WaitingInput,
) (added WaitingShown, err error) {
	if err := errs.Fields(in.Checks()); err != nil {
		return added, err
	}
	at, err := s.moment(ctx)
	if err != nil {
		return added, err
	}
	if err := in.CheckLastDay(at.Today); err != nil {
		return added, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		added, err = s.enlist(ctx, who, in, at)
		return err
	})
	return added, s.recordRefusedPatient(ctx, who, in.Patient, err)
}

func (s *Service) enlist(
	ctx context.Context, who auth.Principal, in domain.WaitingInput, at domain.Moment,
) (added WaitingShown, err error) {
	by, err := s.sideOf(ctx, who, in.Patient, in.DoctorOrZero(), at.Now)
	if err != nil {
		return added, err
	}
	if in.Doctor != nil {
		doctor, err := s.doctors.Hold(ctx, *in.Doctor)
		if err != nil {
			return added, err
		}
		added.Doctor = &doctor
	}
	if added.Type, err = s.types.Find(ctx, in.Type); err == nil {
		err = offer{of: added.Type}.checkBookable(by.byPatient)
	}
	if err != nil {
		return added, err
	}
	if err := s.lockWaiting(ctx, in.Patient); err != nil {
		return added, err
	}
	waiting, err := s.waiting.CountOpen(ctx, in.Patient, at, domain.MaxWaiting)
	if err != nil {
		return added, err
	}
	if waiting >= domain.MaxWaiting {
		return added, appointments.ErrTooManyWaiting
	}
	added.WaitingEntry, added.Patient = domain.NewWaitingEntry(*by.patient, in, who.UserID, at.Now), by.patient
	if err := s.waiting.Add(ctx, added.WaitingEntry); err != nil {
		return added, err
	}
	return added, s.trail.Record(ctx, who, newWaitingEntry(audit.Create, added.WaitingEntry, by.reason()))
}

// lockWaiting locks the patient's part of the waiting list, and with it the times of the patient, which an offer locks
// as well.
func (s *Service) lockWaiting(ctx context.Context, patient patients.ID) error {
	return s.appointments.Lock(ctx, nil, patient, uuid.Nil)
}

// FindWaiting returns one entry. Errors: appointments.ErrWaitingNotFound.
func (s *Service) FindWaiting(ctx context.Context, who auth.Principal, id domain.WaitingID) (WaitingShown, error) {
	shown, err := s.findWaiting(ctx, who, id)
	if err != nil {
		return shown, s.recordWaitingRefusal(ctx, who, id, err)
	}
	entry := newWaitingEntry(audit.Read, shown.WaitingEntry, side{patient: shown.Patient}.reason())
	if shown.Patient == nil {
		entry.PatientID = uuid.Nil // of a patient who was not shown
	}
	return shown, s.trail.Record(ctx, who, entry)
}

func (s *Service) findWaiting(
	ctx context.Context, who auth.Principal, id domain.WaitingID,
) (shown WaitingShown, err error) {
	entry, at, err := s.waitingNow(ctx, id)
	if err != nil {
		return shown, err
	}
	by, err := s.see(ctx, who, wanted(entry), at.Now)
	if err != nil {
		return shown, waitingError(err)
	}
	return s.showWaiting(ctx, entry, by, at)
}

// waitingError returns the error of an entry for that of the appointment for which it waits.
func waitingError(err error) error {
	if errors.Is(err, appointments.ErrNotFound) || errors.Is(err, patients.ErrNotFound) {
		return appointments.ErrWaitingNotFound
	}
	return err
}

// showWaiting settles an entry, and adds the doctor and the type.
func (s *Service) showWaiting(
	ctx context.Context, entry domain.WaitingEntry, by side, at domain.Moment,
) (WaitingShown, error) {
	of, err := s.show(ctx, wanted(entry), by)
	return newWaitingShown(entry, of, at), err
}

// newWaitingShown settles an entry, which is shown with the details of the appointment for which it waits.
func newWaitingShown(entry domain.WaitingEntry, of Shown, at domain.Moment) WaitingShown {
	entry.Settle(at)
	return WaitingShown{WaitingEntry: entry, Patient: of.Patient, Doctor: of.Doctor, Type: of.Type}
}

// WaitingQuery selects entries of the waiting list.
type WaitingQuery struct {
	Patient *uuid.UUID
	State   domain.WaitingState
	Fits    *appointments.ID // only entries that wait for an appointment like this one
}

// BrowseWaiting returns a page of the entries that the user sees and that match the query, as Browse does for
// appointments. Errors: appointments.ErrNotFound for an appointment that the user may not see.
func (s *Service) BrowseWaiting(
	ctx context.Context, who auth.Principal, query WaitingQuery, page paging.Request,
) (shown paging.Page[WaitingShown], err error) {
	at, err := s.moment(ctx)
	if err != nil {
		return shown, err
	}
	filter := domain.WaitingFilter{Patient: query.Patient, State: query.State}
	if query.Fits != nil {
		of, err := s.find(ctx, who, *query.Fits)
		if err != nil {
			return shown, s.recordMissing(ctx, who, *query.Fits, err)
		}
		fit := domain.FitOf(of.Appointment)
		filter.Fit = &fit
	}
	var found paging.Page[domain.WaitingEntry]
	if filter.Patient != nil {
		seen, err := s.sees(ctx, who, *filter.Patient)
		if err != nil || !seen {
			return emptyPage[WaitingShown](page), err
		}
		found, err = s.waiting.ListOf(ctx, filter, at, page)
		if err != nil {
			return shown, err
		}
	} else {
		except, err := s.exceptions(ctx, who, at.Now)
		if err != nil {
			return shown, err
		}
		found, err = s.waiting.List(ctx, patients.VisibleTo(who, at.Now), except, filter, at, page)
		if err != nil {
			return shown, err
		}
	}
	detailed, count, err := s.detailedWaiting(ctx, who, found.Items, at)
	if err != nil {
		return shown, err
	}
	found = found.Cut(count)
	shown = paging.Page[WaitingShown]{Items: detailed, Next: found.Next, Total: found.Total}
	return shown, s.trail.Record(ctx, who, newWaitingListEntries(filter.Patient, detailed)...)
}

// detailedWaiting settles entries, and adds the patients, doctors and types, as detailed does for appointments.
func (s *Service) detailedWaiting(
	ctx context.Context, who auth.Principal, entries []domain.WaitingEntry, at domain.Moment,
) (detailed []WaitingShown, count int, err error) {
	all := make([]domain.Appointment, len(entries))
	byID := make(map[uuid.UUID]domain.WaitingEntry, len(entries))
	for i, e := range entries {
		all[i], byID[e.ID.UUID] = wanted(e), e
	}
	shown, count, err := s.detailed(ctx, who, all, at.Now)
	for _, of := range shown {
		detailed = append(detailed, newWaitingShown(byID[of.ID.UUID], of, at))
	}
	return detailed, count, err
}

// Leave ends an entry, and cancels the reservation of its offer. Errors: appointments.ErrWaitingNotFound,
// patients.ErrReadOnly, appointments.ErrNotWaiting, revision.ErrStale.
func (s *Service) Leave(
	ctx context.Context, who auth.Principal, id domain.WaitingID, expected revision.Match,
) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error { return s.leave(ctx, who, id, expected) })
	return s.recordWaitingRefusal(ctx, who, id, err)
}

func (s *Service) leave(
	ctx context.Context, who auth.Principal, id domain.WaitingID, expected revision.Match,
) error {
	entry, at, err := s.waitingNow(ctx, id)
	if err != nil {
		return err
	}
	by, err := s.sideToChange(ctx, who, wanted(entry), at.Now)
	if err != nil {
		return waitingError(err)
	}
	if err := s.lockWaiting(ctx, entry.PatientID); err != nil {
		return err
	}
	// Under the lock no offer begins.
	if entry, err = s.waiting.Find(ctx, id); err != nil {
		return err
	}
	var entries []audit.Entry
	if entry.Settle(at); entry.State == domain.IsOffered {
		if entries, err = s.withdraw(ctx, who, entry.AppointmentID, by, at.Now); err != nil {
			return err
		}
	}
	entry, err = s.waiting.Change(ctx, id, func(e *domain.WaitingEntry) error {
		if err := expected.Check(e.Version); err != nil {
			return err
		}
		return e.Leave(at)
	})
	if err != nil {
		return err
	}
	return s.trail.Record(ctx, who, append(entries, newWaitingEntry(audit.Delete, entry, by.reason()))...)
}

// withdraw cancels the reservation of an offer, unless it was confirmed or cancelled meanwhile, and returns the audit
// entry.
func (s *Service) withdraw(
	ctx context.Context, who auth.Principal, id appointments.ID, by side, now time.Time,
) ([]audit.Entry, error) {
	var before domain.Appointment
	hold, err := s.appointments.Change(ctx, id, func(a *domain.Appointment) error {
		if before = *a; a.Status != appointments.Held {
			return nil
		}
		return a.Cancel(by.byPatient, "", 0, now)
	})
	if err != nil || hold.Version == before.Version {
		return nil, err
	}
	entry := newEntry(audit.Update, hold, by.reason())
	entry.Fields = differing(before, hold)
	return []audit.Entry{entry}, s.publish(ctx, who, hold, appointments.WasCancelled)
}
