package app

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
)

// Series is a booked series.
type Series struct {
	ID      uuid.UUID
	Booked  []Shown
	Skipped []Skipped
}

// Skipped is a time of a series that cannot be booked.
type Skipped struct {
	Start     time.Time
	Reason    *errs.Error // the error of booking it
	Conflicts []ConflictShown

	found []domain.Conflict
}

// SeriesConflicting is the error of a series of which no appointment was booked. It wraps
// appointments.ErrSeriesConflicts.
type SeriesConflicting struct{ Skipped []Skipped }

// Error implements error.
func (c *SeriesConflicting) Error() string { return appointments.ErrSeriesConflicts.Error() }

// Unwrap returns the declared error.
func (c *SeriesConflicting) Unwrap() error { return appointments.ErrSeriesConflicts }

// BookSeries books an appointment and its repetitions. Errors: those of Book, also for times that cannot be booked if
// they are not to be skipped; *SeriesConflicting.
func (s *Service) BookSeries(
	ctx context.Context, who auth.Principal, in domain.Booking, repeat domain.Repetition,
) (made Series, err error) {
	checks := in.Checks()
	maps.Copy(checks, repeat.Checks())
	if err := errs.Fields(checks); err != nil {
		return Series{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		made, err = s.bookSeries(ctx, who, in, repeat)
		return err
	})
	if failed := s.showSkipped(ctx, who, made.Skipped); failed != nil { // the error has the same ones
		return Series{}, failed
	}
	return made, s.recordRefusedPatient(ctx, who, in.Patient, err)
}

func (s *Service) bookSeries(
	ctx context.Context, who auth.Principal, in domain.Booking, repeat domain.Repetition,
) (Series, error) {
	now := s.clock.Now()
	by, err := s.sideOf(ctx, who, in.Patient, in.Doctor, now)
	if err != nil {
		return Series{}, err
	}
	if by.byPatient && in.Overbook != nil {
		return Series{}, appointments.ErrNotPatients
	}
	offered, err := s.offered(ctx, in.Doctor, in.Type, in.Start, by.byPatient, false)
	if err != nil {
		return Series{}, err
	}
	starts := repeat.Starts(in.Start, offered.rules.Zone)
	if offered.rules, err = s.rulesBetween(ctx, in.Doctor, starts[0], starts[len(starts)-1]); err != nil {
		return Series{}, err
	}
	series := Series{ID: uuid.Must(uuid.NewV7())}
	for _, start := range starts {
		a := domain.New(*by.patient, in.Reason, who.UserID, now)
		a.SeriesID = series.ID
		a.Place(in.Doctor, offered.of, start, offered.rules.Zone)
		change := a.Book(by.byPatient, offered.of)
		_, err := s.place(ctx, who, &a, placing{
			offer: offered, overbook: in.Overbook, byPatient: by.byPatient, isNew: true, now: now,
		})
		if skipped, is := skippedBy(err, start); is {
			series.Skipped = append(series.Skipped, skipped)
			continue
		}
		if err != nil {
			return Series{}, err
		}
		if len(series.Skipped) > 0 && !repeat.Skip {
			continue // nothing is booked
		}
		if err := s.appointments.Add(ctx, a); err != nil {
			return Series{}, err
		}
		if err := s.publish(ctx, who, a, change); err != nil {
			return Series{}, err
		}
		series.Booked = append(series.Booked, Shown{
			Appointment: a, Patient: by.patient, Doctor: &offered.doctor, Type: offered.of, AsPatient: by.byPatient,
		})
	}
	if len(series.Skipped) > 0 && (!repeat.Skip || len(series.Booked) == 0) {
		return Series{Skipped: series.Skipped}, &SeriesConflicting{series.Skipped}
	}
	entry := audit.Entry{Action: audit.Create, Resource: resource, PatientID: in.Patient.UUID, Reason: by.reason()}
	ids := audit.IDs(series.Booked, func(a Shown) uuid.UUID { return a.ID.UUID })
	entries := audit.NewListEntries(entry, ids)
	for i := range entries {
		entries[i].Status = http.StatusCreated
	}
	return series, s.trail.Record(ctx, who, entries...)
}

// skippedBy returns the time that cannot be booked because of its place.
func skippedBy(err error, start time.Time) (Skipped, bool) {
	var declared *errs.Error
	if !errors.As(err, &declared) || !slices.Contains([]string{
		appointments.ErrSlotTaken.Code, appointments.ErrPatientBusy.Code, appointments.ErrSessionFull.Code,
		appointments.ErrNotAvailable.Code, appointments.ErrOutsideWindow.Code,
	}, declared.Code) {
		return Skipped{}, false
	}
	skipped := Skipped{Start: start, Reason: declared}
	if conflicting, ok := errors.AsType[*Conflicting](err); ok {
		skipped.found = conflicting.found
	}
	return skipped, true
}

// showSkipped adds the conflicts as the user may see them.
func (s *Service) showSkipped(ctx context.Context, who auth.Principal, all []Skipped) (err error) {
	for i := range all {
		if all[i].Conflicts, err = s.showConflicts(ctx, who, all[i].found); err != nil {
			return err
		}
	}
	return nil
}

// FindSeries returns the appointments of a series that the user sees, in the order of time. Errors:
// appointments.ErrSeriesNotFound.
func (s *Service) FindSeries(ctx context.Context, who auth.Principal, id uuid.UUID) (Series, error) {
	all, err := s.appointments.OfSeries(ctx, id, time.Unix(0, 0), domain.MaxCount)
	if err != nil {
		return Series{}, err
	}
	shown, _, err := s.detailed(ctx, who, all, s.clock.Now())
	if err != nil {
		return Series{}, err
	}
	if len(shown) == 0 {
		refusal := audit.NewRefusal(resource, id, http.StatusNotFound)
		return Series{}, audit.RecordMissing(
			ctx, s.trail, who, refusal, appointments.ErrSeriesNotFound, appointments.ErrSeriesNotFound)
	}
	filter := domain.Filter{}
	if shown[0].Patient != nil {
		filter.Patient = &shown[0].PatientID.UUID
	}
	return Series{ID: id, Booked: shown}, s.trail.Record(ctx, who, newListEntries(filter, shown)...)
}
