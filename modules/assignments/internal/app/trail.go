package app

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// event is something that was done with one assignment.
func event(action audit.Action, a domain.Assignment) audit.Entry {
	entry := audit.Done(action, audit.Assignment, a.ID.UUID)
	entry.PatientID = a.PatientID.UUID
	return entry
}

// listed is a page that is about to be shown, and the patients whom it shows by name.
func listed(filter domain.Filter, shown []Assigned) []audit.Entry {
	page := audit.Entry{Action: audit.List, Resource: audit.Assignment}
	ids, patients := make([]uuid.UUID, len(shown)), make([]uuid.UUID, len(shown))
	for i, a := range shown {
		ids[i], patients[i] = a.ID.UUID, a.PatientID.UUID
	}
	if filter.Patient != nil {
		page.PatientID = *filter.Patient
		return audit.Listed(page, ids)
	}
	entries := audit.Listed(page, ids)
	if len(shown) == 0 {
		return entries
	}
	slices.SortFunc(patients, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return append(entries, audit.Listed(audit.Entry{Action: audit.List, Resource: audit.Patient}, slices.Compact(patients))...)
}

// released returns the entries of assignments that were made and ended by the removal of a doctor. Each patient is
// named by an entry.
func released(made, ended []domain.Assignment) (entries []audit.Entry) {
	patients := make([]uuid.UUID, 0, len(made)+len(ended))
	for _, change := range []struct {
		action      audit.Action
		assignments []domain.Assignment
	}{{audit.Create, made}, {audit.Delete, ended}} {
		ids := make([]uuid.UUID, len(change.assignments))
		for i, a := range change.assignments {
			ids[i] = a.ID.UUID
			patients = append(patients, a.PatientID.UUID)
		}
		if len(ids) > 0 {
			entries = append(entries, audit.Listed(audit.Entry{Action: change.action, Resource: audit.Assignment}, ids)...)
		}
	}
	if len(patients) == 0 {
		return nil // all of them had ended
	}
	slices.SortFunc(patients, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	treated := audit.Entry{Action: audit.Update, Resource: audit.Patient, Fields: []string{"assignments"}}
	return append(entries, audit.Listed(treated, slices.Compact(patients))...)
}

// refused records that the user asked for a patient who does not exist or is not theirs, and returns err. Other errors
// pass.
func (s *Service) refused(ctx context.Context, who auth.Principal, patient patients.ID, err error) error {
	return audit.Missing(ctx, s.trail, who, audit.OfPatient(patient.UUID), err, patients.ErrNotFound)
}

// missing does the same for an assignment. Its patient is not named: the user may not know whose it is.
func (s *Service) missing(ctx context.Context, who auth.Principal, id assignments.ID, err error) error {
	return audit.Missing(
		ctx,
		s.trail,
		who,
		audit.Entry{Resource: audit.Assignment, ResourceID: id.UUID},
		err,
		assignments.ErrNotFound,
	)
}
