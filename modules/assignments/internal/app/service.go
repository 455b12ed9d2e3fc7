// Package app implements the use cases of the assignments module, one method each. Every use case acts for a user, who
// may assign doctors to their own patients only.
package app

import (
	"context"
	"errors"
	"net/http"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/paging"
	"healthcare/platform/quota"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// Service implements the use cases of assignments.
type Service struct {
	assignments ports.Repository
	patients    patients.Directory
	doctors     doctors.Directory
	trail       audit.Recorder
	tx          tx.Runner
	clock       clock.Clock
	limit       Limit
}

// Limit is the quota of assignments of one user's patients.
type Limit struct{ *quota.Quota }

// NewLimit returns the configured limit.
func NewLimit(cfg assignments.Config, repository ports.Repository) Limit {
	return Limit{quota.New(cfg.MaxPerUser, repository.CountOf, assignments.ErrLimitReached)}
}

// New returns a Service.
func New(
	repository ports.Repository, patientDirectory patients.Directory, doctorDirectory doctors.Directory,
	trail audit.Recorder, runner tx.Runner, clk clock.Clock, limit Limit,
) *Service {
	return &Service{
		assignments: repository,
		patients:    patientDirectory,
		doctors:     doctorDirectory,
		trail:       trail,
		tx:          runner,
		clock:       clk,
		limit:       limit,
	}
}

// Assigned is an assignment with the patient and the doctor as they are shown.
type Assigned struct {
	domain.Assignment
	Patient patients.Patient
	Doctor  doctors.Doctor
}

// Assign assigns a doctor to a patient. The owner of the patient is checked first, so that the errors reveal nothing
// about assignments of other users. Errors: patients.ErrNotFound, doctors.ErrNotFound, doctors.ErrInRemoval,
// assignments.ErrAlreadyAssigned, assignments.ErrLimitReached.
func (s *Service) Assign(
	ctx context.Context, who auth.Principal, patient patients.ID, doctor doctors.ID,
) (made Assigned, err error) {
	err = s.limit.Insert(ctx, who.UserID, func(ctx context.Context) error {
		made, err = s.assign(ctx, who, patient, doctor)
		return err
	})
	return made, s.recordMissingPatient(ctx, who, patient.UUID, http.StatusNotFound, err)
}

func (s *Service) assign(
	ctx context.Context, who auth.Principal, patient patients.ID, doctor doctors.ID,
) (made Assigned, err error) {
	return made, s.tx.Do(ctx, func(ctx context.Context) (err error) {
		held, owner, err := s.patients.Hold(ctx, patients.OwnedBy(who.UserID), patient)
		if err != nil {
			return err
		}
		made = Assigned{Assignment: domain.New(owner, patient, doctor, s.clock.Now()), Patient: held}
		if made.Doctor, err = s.doctors.Find(ctx, doctor); err != nil {
			return err
		}
		if err := s.assignments.Add(ctx, made.Assignment); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, newEntry(audit.Create, made.Assignment))
	})
}

// Browse returns a page of the assignments of the user's patients that match the filter, in three queries. A filter by
// a patient who does not exist or belongs to another user returns an empty page, which is recorded as a refusal.
// Errors: none.
func (s *Service) Browse(
	ctx context.Context, who auth.Principal, filter domain.Filter, page paging.Request,
) (paging.Page[Assigned], error) {
	shown, err := s.page(ctx, who, filter, page)
	if err != nil {
		return paging.Page[Assigned]{}, err
	}
	if filter.Patient != nil && len(shown.Items) == 0 {
		_, err := s.patients.Find(ctx, patients.VisibleTo(who, s.clock.Now()), patients.ID{UUID: *filter.Patient})
		if err != nil {
			err = s.recordMissingPatient(ctx, who, *filter.Patient, http.StatusOK, err)
			if !errors.Is(err, patients.ErrNotFound) {
				return paging.Page[Assigned]{}, err
			}
			return shown, nil
		}
	}
	return shown, s.trail.Record(ctx, who, newListEntries(filter, shown.Items)...)
}

// page returns the page of Browse without recording it.
func (s *Service) page(
	ctx context.Context, who auth.Principal, filter domain.Filter, page paging.Request,
) (paging.Page[Assigned], error) {
	found, err := s.assignments.List(ctx, patients.VisibleTo(who, s.clock.Now()), filter, page)
	if err != nil {
		return paging.Page[Assigned]{}, err
	}
	detailed, count, err := s.detailed(ctx, who, found.Items)
	if err != nil {
		return paging.Page[Assigned]{}, err
	}
	found = found.Cut(count)
	return paging.Page[Assigned]{Items: detailed, Next: found.Next, Total: found.Total}, nil
}

// BrowseOf returns a page of one patient's assignments. Errors: patients.ErrNotFound.
func (s *Service) BrowseOf(
	ctx context.Context, who auth.Principal, patient patients.ID, page paging.Request,
) (paging.Page[Assigned], error) {
	if _, err := s.patients.Find(ctx, patients.VisibleTo(who, s.clock.Now()), patient); err != nil {
		return paging.Page[Assigned]{}, s.recordMissingPatient(ctx, who, patient.UUID, http.StatusNotFound, err)
	}
	filter := domain.Filter{Patient: &patient.UUID}
	shown, err := s.page(ctx, who, filter, page)
	if err != nil {
		return paging.Page[Assigned]{}, err
	}
	return shown, s.trail.Record(ctx, who, newListEntries(filter, shown.Items)...)
}

// Find returns one assignment. Errors: assignments.ErrNotFound.
func (s *Service) Find(ctx context.Context, who auth.Principal, id assignments.ID) (Assigned, error) {
	one, err := s.assignments.Find(ctx, patients.VisibleTo(who, s.clock.Now()), id)
	if err != nil {
		return Assigned{}, s.recordMissing(ctx, who, id, err)
	}
	detailed, _, err := s.detailed(ctx, who, []domain.Assignment{one})
	if err != nil {
		return Assigned{}, err
	}
	if len(detailed) == 0 { // the patient or the doctor was removed in the meantime
		return Assigned{}, s.recordMissing(ctx, who, id, assignments.ErrNotFound)
	}
	return detailed[0], s.trail.Record(ctx, who, newEntry(audit.Read, one))
}

// Lookup returns the assignment with the id, and reports whether it exists. Unlike Find, it records no refusal, because
// the id may be the id of a patient instead. Errors: none of its own.
func (s *Service) Lookup(ctx context.Context, who auth.Principal, id assignments.ID) (Assigned, bool, error) {
	if _, err := s.assignments.Find(ctx, patients.VisibleTo(who, s.clock.Now()), id); err != nil {
		if errors.Is(err, assignments.ErrNotFound) {
			err = nil
		}
		return Assigned{}, false, err
	}
	one, err := s.Find(ctx, who, id)
	return one, err == nil, err
}

// Discharge ends an assignment. Assignments never change, so the version is always 1. Errors: assignments.ErrNotFound,
// revision.ErrStale.
func (s *Service) Discharge(ctx context.Context, who auth.Principal, id assignments.ID, expected revision.Match) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		one, err := s.assignments.Find(ctx, patients.OwnedBy(who.UserID), id) // for the patient in the entry
		if err != nil {
			return err
		}
		if err := s.assignments.Remove(ctx, patients.OwnedBy(who.UserID), id); err != nil {
			return err
		}
		if err := expected.Check(domain.Version); err != nil {
			return err // rolls back
		}
		return s.trail.Record(ctx, who, newEntry(audit.Delete, one))
	})
	if err == nil {
		s.limit.Changed(who.UserID, -1)
	}
	return s.recordMissing(ctx, who, id, err)
}

// detailed adds the patients and doctors to assignments, in two queries. It omits assignments whose patient or doctor
// was removed in the meantime, because they have ended. count is the number of assignments of all that fit on the page.
func (s *Service) detailed(
	ctx context.Context, who auth.Principal, all []domain.Assignment,
) (detailed []Assigned, count int, err error) {
	patientIDs, doctorIDs := make(set[patients.ID]), make(set[doctors.ID])
	for _, a := range all {
		patientIDs.add(a.PatientID)
		doctorIDs.add(a.DoctorID)
	}
	patientsByID, err := s.patients.FindAll(ctx, patients.VisibleTo(who, s.clock.Now()), patientIDs.all())
	if err != nil {
		return nil, 0, err
	}
	doctorsByID, err := s.doctors.FindAll(ctx, doctorIDs.all())
	if err != nil {
		return nil, 0, err
	}
	detailed = make([]Assigned, 0, len(all))
	size := 0
	for i, a := range all {
		patient, treated := patientsByID[a.PatientID]
		doctor, treating := doctorsByID[a.DoctorID]
		if !treated || !treating {
			continue
		}
		size += paging.Size(patient.Name, doctor.Name, doctor.Specialization)
		if size > paging.MaxBytes && len(detailed) > 0 {
			return detailed, i, nil
		}
		detailed = append(detailed, Assigned{Assignment: a, Patient: patient, Doctor: doctor})
	}
	return detailed, len(all), nil
}

// set is a set of ids.
type set[ID comparable] map[ID]struct{}

func (s set[ID]) add(id ID) { s[id] = struct{}{} }

func (s set[ID]) all() []ID {
	ids := make([]ID, 0, len(s))
	for id := range s {
		ids = append(ids, id)
	}
	return ids
}
