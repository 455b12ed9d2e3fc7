package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// event is something that was done with one patient.
func event(action audit.Action, id patients.ID) audit.Entry {
	entry := audit.Done(action, audit.Patient, id.UUID)
	entry.PatientID = id.UUID
	return entry
}

// listed is a page that is about to be shown.
func listed(filter domain.Filter, shown []domain.Patient) []audit.Entry {
	page := audit.Entry{Action: audit.List, Resource: audit.Patient}
	if filter.Search != "" {
		page.Action = audit.Search
	}
	ids := make([]uuid.UUID, len(shown))
	for i, patient := range shown {
		ids[i] = patient.ID.UUID
	}
	return audit.Listed(page, ids)
}

// refused records that a patient was asked for who is not there, or not the user's, and gives the refusal back. Other errors pass.
func (s *Service) refused(ctx context.Context, who auth.Principal, id patients.ID, err error) error {
	if !errors.Is(err, patients.ErrNotFound) {
		return err
	}
	refusal := audit.Entry{
		Action: audit.Refused, Resource: audit.Patient, ResourceID: id.UUID, PatientID: id.UUID, Outcome: audit.Denied, Status: http.StatusNotFound,
	}
	if unrecorded := s.trail.Record(ctx, who, refusal); unrecorded != nil {
		return unrecorded
	}
	return err
}
