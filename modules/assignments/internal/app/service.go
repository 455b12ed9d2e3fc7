// Package app implements the use cases of the assignments module, one method each. Every use case acts for a user, who
// may assign doctors to their own patients and to those whom they may change.
package app

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
	"healthcare/platform/paging"
	"healthcare/platform/quota"
	"healthcare/platform/recordid"
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
	events      events.Publisher
	clock       clock.Clock
	access      assignments.Access // of new assignments, by default
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
	trail audit.Recorder, runner tx.Runner, publisher events.Publisher, clk clock.Clock, limit Limit,
	cfg assignments.Config,
) *Service {
	return &Service{
		assignments: repository,
		patients:    patientDirectory,
		doctors:     doctorDirectory,
		trail:       trail,
		tx:          runner,
		events:      publisher,
		clock:       clk,
		access:      cfg.Default,
		limit:       limit,
	}
}

// Assigned is an assignment with the patient and the doctor as they are shown.
type Assigned struct {
	domain.Assignment
	Patient patients.Patient
	Doctor  doctors.Doctor
}

// Assign assigns a doctor to a patient, with the default access if access is "". The scope is checked first, so that
// the errors reveal nothing about patients of other users. The new assignment counts for the owner of the patient. A
// user who may change the patient of another gives at most their own level, because to assign needs the highest.
// Errors: errs.Invalid, patients.ErrNotFound, patients.ErrReadOnly, doctors.ErrNotFound, doctors.ErrInRemoval,
// assignments.ErrAlreadyAssigned, assignments.ErrLimitReached.
func (s *Service) Assign(
	ctx context.Context, who auth.Principal, patient patients.ID, doctor doctors.ID, access assignments.Access,
) (made Assigned, err error) {
	if access, err = domain.ParseAccess(cmp.Or(access, s.access)); err != nil {
		return Assigned{}, err
	}
	owner := who.UserID
	if len(who.For) > 0 {
		found, err := s.patients.Find(ctx, patients.ChangeableBy(who, s.clock.Now()), patient)
		if err != nil {
			return Assigned{}, s.recordRefusedPatient(ctx, who, patient, err)
		}
		owner = found.Owner
	}
	err = s.limit.Insert(ctx, owner, func(ctx context.Context) error {
		made, err = s.assign(ctx, who, patient, doctor, access)
		return err
	})
	return made, s.recordRefusedPatient(ctx, who, patient, err)
}

func (s *Service) assign(
	ctx context.Context, who auth.Principal, patient patients.ID, doctor doctors.ID, access assignments.Access,
) (made Assigned, err error) {
	return made, s.tx.Do(ctx, func(ctx context.Context) (err error) {
		now := s.clock.Now()
		if made.Patient, err = s.patients.Hold(ctx, patients.ChangeableBy(who, now), patient); err != nil {
			return err
		}
		made.Assignment = domain.New(made.Patient.Owner, patient, doctor, now)
		made.Access = access
		if made.Doctor, err = s.doctors.Find(ctx, doctor); err != nil {
			return err
		}
		if err := s.assignments.Add(ctx, made.Assignment); err != nil {
			return err
		}
		links := []assignments.Link{made.Link()}
		if err := s.events.Publish(ctx, assignments.Assigned{Links: links, By: who}); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, newEntry(audit.Create, made.Assignment, made.Patient.Reason))
	})
}

// Browse returns a page of the assignments that the user sees and that match the filter: those of their own patients,
// of the doctors for whom they act, and of the patients whom they represent. A filter by a patient whom the user may
// not see returns an empty page, which is recorded as a refusal. Errors: none.
func (s *Service) Browse(
	ctx context.Context, who auth.Principal, filter domain.Filter, page paging.Request,
) (paging.Page[Assigned], error) {
	none := paging.Page[Assigned]{}
	if page.Count {
		none.Total = new(int64)
	}
	granted := filter.Patient != nil && len(who.For) > 0 // the patient may be another user's
	if granted {
		if seen, err := s.sees(ctx, who, *filter.Patient); err != nil || !seen {
			return none, err
		}
	}
	shown, err := s.page(ctx, who, filter, page)
	if err != nil {
		return none, err
	}
	if filter.Patient != nil && !granted && len(shown.Items) == 0 {
		if seen, err := s.sees(ctx, who, *filter.Patient); err != nil || !seen {
			return shown, err
		}
	}
	return shown, s.trail.Record(ctx, who, newListEntries(filter, shown.Items)...)
}

// sees reports whether the user may read the patient, and records if not. Errors: none of its own.
func (s *Service) sees(ctx context.Context, who auth.Principal, patient uuid.UUID) (bool, error) {
	_, err := s.patients.Find(ctx, patients.VisibleTo(who, s.clock.Now()), patients.ID{UUID: patient})
	err = s.recordMissingPatient(ctx, who, patient, http.StatusOK, err)
	if errors.Is(err, patients.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// page returns the page of Browse without recording it. The user may read filter.Patient, if any.
func (s *Service) page(
	ctx context.Context, who auth.Principal, filter domain.Filter, page paging.Request,
) (shown paging.Page[Assigned], err error) {
	var found paging.Page[domain.Assignment]
	if filter.Patient != nil && len(who.For) > 0 {
		found, err = s.assignments.ListOf(ctx, filter, page)
	} else {
		found, err = s.list(ctx, who, filter, page)
	}
	if err != nil {
		return shown, err
	}
	detailed, count, err := s.detailed(ctx, who, found.Items)
	if err != nil {
		return shown, err
	}
	found = found.Cut(count)
	return paging.Page[Assigned]{Items: detailed, Next: found.Next, Total: found.Total}, nil
}

// list returns the page of the assignments of several patients.
func (s *Service) list(
	ctx context.Context, who auth.Principal, filter domain.Filter, page paging.Request,
) (found paging.Page[domain.Assignment], err error) {
	var except patients.Exceptions
	now := s.clock.Now()
	if len(who.For) > 0 {
		if except, err = s.patients.Exceptions(ctx, who, now); err != nil {
			return found, err
		}
	}
	return s.assignments.List(ctx, patients.VisibleTo(who, now), except, filter, page)
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
	one, _, err := s.find(ctx, who, id, patients.VisibleTo(who, s.clock.Now()))
	if err != nil {
		return Assigned{}, s.recordMissing(ctx, who, id, err)
	}
	shown, err := s.show(ctx, who, one)
	if err != nil {
		return Assigned{}, s.recordMissing(ctx, who, id, err)
	}
	return shown, s.trail.Record(ctx, who, newEntry(audit.Read, one, shown.Patient.Reason))
}

// find returns one assignment of a patient of the scope, which is the user's, and the reason for which the user may see
// the patient. Errors: assignments.ErrNotFound.
func (s *Service) find(
	ctx context.Context, who auth.Principal, id assignments.ID, scope patients.Scope,
) (one domain.Assignment, reason auth.Reason, err error) {
	one, err = s.assignments.Find(ctx, scope, id)
	if len(who.For) == 0 || !errors.Is(err, assignments.ErrNotFound) {
		return one, patients.Owned, err
	}
	if one, err = s.assignments.FindAny(ctx, id); err != nil {
		return domain.Assignment{}, reason, err
	}
	patient, err := s.patients.Find(ctx, scope, one.PatientID)
	if err != nil {
		if errors.Is(err, patients.ErrNotFound) {
			err = assignments.ErrNotFound
		}
		return domain.Assignment{}, reason, err
	}
	return one, patient.Reason, nil
}

// show adds the patient and the doctor. Errors: assignments.ErrNotFound if one of them was removed in the meantime.
func (s *Service) show(ctx context.Context, who auth.Principal, one domain.Assignment) (Assigned, error) {
	detailed, _, err := s.detailed(ctx, who, []domain.Assignment{one})
	if err != nil {
		return Assigned{}, err
	}
	if len(detailed) == 0 {
		return Assigned{}, assignments.ErrNotFound
	}
	return detailed[0], nil
}

// Lookup returns the assignment with the id, and reports whether it exists. Unlike Find, it records no refusal, because
// the id may be the id of a patient instead. Errors: none of its own.
func (s *Service) Lookup(ctx context.Context, who auth.Principal, id assignments.ID) (Assigned, bool, error) {
	if _, _, err := s.find(ctx, who, id, patients.VisibleTo(who, s.clock.Now())); err != nil {
		if errors.Is(err, assignments.ErrNotFound) {
			err = nil
		}
		return Assigned{}, false, err
	}
	one, err := s.Find(ctx, who, id)
	return one, err == nil, err
}

// Grant changes the access of an assignment whose version matches expected, unless access is nil. Errors: errs.Invalid,
// assignments.ErrNotFound, patients.ErrReadOnly, assignments.ErrOwnAssignment, revision.ErrStale.
func (s *Service) Grant(
	ctx context.Context, who auth.Principal, id assignments.ID, expected revision.Match, access *assignments.Access,
) (changed Assigned, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		before, _, err := s.changeable(ctx, who, id)
		if err != nil {
			return err
		}
		// The patient is locked before the assignment, as in a removal and a transfer of the patient.
		patient, err := s.patients.Hold(ctx, patients.ChangeableBy(who, s.clock.Now()), before.PatientID)
		if errors.Is(err, patients.ErrNotFound) {
			err = assignments.ErrNotFound
		}
		if err != nil {
			return err
		}
		after, err := s.assignments.Change(ctx, patients.OwnedBy(patient.Owner), id, func(a *domain.Assignment) error {
			if err := expected.Check(a.Version); err != nil {
				return err
			}
			before = *a
			if access == nil {
				return nil
			}
			return a.Grant(*access)
		})
		if err != nil {
			return err
		}
		if changed, err = s.show(ctx, who, after); err != nil {
			return err
		}
		entry := newEntry(audit.Update, after, changed.Patient.Reason)
		if after.Access != before.Access {
			entry.Fields = []string{"access"}
			if err := s.events.Publish(ctx, assignments.AccessChanged{Link: after.Link(), By: who}); err != nil {
				return err
			}
		}
		return s.trail.Record(ctx, who, entry)
	})
	return changed, s.recordRefusal(ctx, who, id, err)
}

// Discharge ends an assignment whose version matches expected. Errors: assignments.ErrNotFound, patients.ErrReadOnly,
// assignments.ErrOwnAssignment, revision.ErrStale.
func (s *Service) Discharge(ctx context.Context, who auth.Principal, id assignments.ID, expected revision.Match) error {
	var one domain.Assignment
	err := s.tx.Do(ctx, func(ctx context.Context) (err error) {
		var reason auth.Reason
		if one, reason, err = s.changeable(ctx, who, id); err != nil {
			return err
		}
		if one, err = s.assignments.Remove(ctx, patients.OwnedBy(one.OwnerID), id); err != nil {
			return err
		}
		if err := expected.Check(one.Version); err != nil {
			return err // rolls back
		}
		if err := s.events.Publish(ctx, assignments.Ended{IDs: []assignments.ID{id}, By: who}); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, newEntry(audit.Delete, one, reason))
	})
	if err == nil {
		s.limit.Changed(one.OwnerID, -1)
	}
	return s.recordRefusal(ctx, who, id, err)
}

// changeable returns an assignment that the user may change and end: that of a patient whom the user may change, except
// that of the user's own care. It also returns the reason for which the user may see the patient. Errors:
// assignments.ErrNotFound, assignments.ErrOwnAssignment.
func (s *Service) changeable(
	ctx context.Context, who auth.Principal, id assignments.ID,
) (domain.Assignment, auth.Reason, error) {
	one, reason, err := s.find(ctx, who, id, patients.ChangeableBy(who, s.clock.Now()))
	if err == nil && one.OwnerID != who.UserID && who.ActsFor(one.DoctorID.UUID) {
		return domain.Assignment{}, reason, assignments.ErrOwnAssignment
	}
	return one, reason, err
}

// detailed adds the patients and doctors to assignments, in two queries. It omits assignments whose patient or doctor
// was removed in the meantime, because they have ended. count is the number of assignments of all that fit on the page.
func (s *Service) detailed(
	ctx context.Context, who auth.Principal, all []domain.Assignment,
) (detailed []Assigned, count int, err error) {
	patientIDs, doctorIDs := make(recordid.Set[patients.ID]), make(recordid.Set[doctors.ID])
	for _, a := range all {
		patientIDs.Add(a.PatientID)
		doctorIDs.Add(a.DoctorID)
	}
	patientsByID, err := s.patients.FindAll(ctx, patients.VisibleTo(who, s.clock.Now()), patientIDs.All())
	if err != nil {
		return nil, 0, err
	}
	doctorsByID, err := s.doctors.FindAll(ctx, doctorIDs.All())
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
