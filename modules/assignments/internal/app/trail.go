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

// refused records that the user asked for a patient who does not exist or is not theirs, and returns err. Other errors pass.
func (s *Service) refused(ctx context.Context, who auth.Principal, patient patients.ID, err error) error {
	return audit.Missing(ctx, s.trail, who, audit.OfPatient(patient.UUID), err, patients.ErrNotFound)
}

// missing does the same for an assignment. Its patient is not named: the user may not know whose it is.
func (s *Service) missing(ctx context.Context, who auth.Principal, id assignments.ID, err error) error {
	return audit.Missing(ctx, s.trail, who, audit.Entry{Resource: audit.Assignment, ResourceID: id.UUID}, err, assignments.ErrNotFound)
}
