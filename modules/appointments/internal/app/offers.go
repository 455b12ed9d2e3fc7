package app

import (
	"context"
	"errors"
	"time"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

// Offer reserves a time for the patient of an entry that waits, on any day and with any doctor on which the patient and
// the practice have agreed. Errors: those of Book, appointments.ErrWaitingNotFound, appointments.ErrNotPatients,
// appointments.ErrNotWaiting, appointments.ErrTooManyOffers, revision.ErrStale.
func (s *Service) Offer(
	ctx context.Context, who auth.Principal, id domain.WaitingID, expected revision.Match, in domain.OfferInput,
) (offered WaitingShown, err error) {
	if err := errs.Fields(in.Checks()); err != nil {
		return offered, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		offered, err = s.offer(ctx, who, id, expected, in)
		return err
	})
	err = s.explainConflicts(ctx, who, err)
	return offered, s.recordWaitingRefusal(ctx, who, id, err)
}

func (s *Service) offer(
	ctx context.Context, who auth.Principal, id domain.WaitingID, expected revision.Match, in domain.OfferInput,
) (shown WaitingShown, err error) {
	entry, at, err := s.waitingNow(ctx, id)
	if err != nil {
		return shown, err
	}
	by, err := s.sideToOffer(ctx, who, entry, in.Doctor, at.Now)
	if err != nil {
		return shown, err
	}
	if err := expected.Check(entry.Version); err != nil {
		return shown, err
	}
	if entry.Settle(at); entry.State != domain.IsWaiting { // before the locks, as in place
		return shown, appointments.ErrNotWaiting
	}
	hold, offered, err := s.reserve(ctx, who, entry, by, in, at.Now)
	if err != nil {
		return shown, err
	}
	entry, err = s.waiting.Change(ctx, id, func(e *domain.WaitingEntry) error {
		if err := expected.Check(e.Version); err != nil {
			return err
		}
		return e.Offer(hold, at)
	})
	if err != nil {
		return shown, err
	}
	if err := s.publish(ctx, who, hold, appointments.WasHeld); err != nil {
		return shown, err
	}
	shown = WaitingShown{WaitingEntry: entry, Patient: by.patient, Type: offered.of}
	switch entry.DoctorID {
	case doctors.ID{}:
	case in.Doctor:
		shown.Doctor = &offered.doctor
	default:
		if shown, err = s.showWaiting(ctx, entry, by, at); err != nil {
			return shown, err
		}
	}
	changed := newWaitingEntry(audit.Update, entry, by.reason())
	changed.Fields = []string{"appointment", "state"}
	return shown, s.trail.Record(ctx, who, newEntry(audit.Create, hold, by.reason()), changed)
}

// sideToOffer returns the side on which the user offers a time with the doctor to the patient of an entry. The doctor
// of the entry may offer an own time to any patient whose name the doctor sees. Errors:
// appointments.ErrWaitingNotFound, patients.ErrReadOnly, appointments.ErrNotPatients.
func (s *Service) sideToOffer(
	ctx context.Context, who auth.Principal, entry domain.WaitingEntry, doctor doctors.ID, now time.Time,
) (side, error) {
	by, err := s.sideOf(ctx, who, entry.PatientID, doctor, now)
	if errors.Is(err, patients.ErrNotFound) && who.ActsFor(entry.DoctorID.UUID) {
		by, err = s.doctorsSide(ctx, who, wanted(entry), now)
		if err == nil && (by.patient == nil || !who.ActsFor(doctor.UUID)) {
			return by, patients.ErrReadOnly
		}
	}
	if err == nil && by.byPatient {
		return by, appointments.ErrNotPatients
	}
	return by, waitingError(err)
}

// reserve stores the reservation of an offer.
func (s *Service) reserve(
	ctx context.Context, who auth.Principal, entry domain.WaitingEntry, by side, in domain.OfferInput, now time.Time,
) (hold domain.Appointment, offered offer, err error) {
	if offered, err = s.offered(ctx, in.Doctor, entry.TypeID, in.Start, by.byPatient, false); err != nil {
		return hold, offered, err
	}
	hold = domain.New(*by.patient, "", who.UserID, now)
	hold.Place(in.Doctor, offered.of, in.Start, offered.rules.Zone)
	hold.Reserve(now.Add(time.Duration(in.Minutes) * time.Minute))
	how := placing{offer: offered, isNew: true, forWaiting: true, now: now}
	if _, err = s.place(ctx, who, &hold, how); err != nil {
		return hold, offered, err
	}
	return hold, offered, s.appointments.Add(ctx, hold)
}

// followWaiting changes the waiting entry of an appointment that was changed in the same transaction, and returns the
// audit entry. A reservation that expires changes nothing, because the entry knows when.
func (s *Service) followWaiting(
	ctx context.Context, before, after domain.Appointment, by side, now time.Time,
) ([]audit.Entry, error) {
	if before.Status == after.Status || !before.IsUnconfirmed() && after.Status != appointments.EnteredInError {
		return nil, nil // no entry follows
	}
	rule := func(e *domain.WaitingEntry) { e.Follow(before, after, now) }
	entry, changed, err := s.waiting.Follow(ctx, after.ID, rule)
	if err != nil || !changed {
		return nil, err
	}
	recorded := newWaitingEntry(audit.Update, entry, by.reason())
	recorded.Fields = []string{"state"}
	if entry.AppointmentID != after.ID {
		recorded.Fields = []string{"appointment", "state"}
	}
	return []audit.Entry{recorded}, nil
}
