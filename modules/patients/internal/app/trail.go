package app

import (
	"context"

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

// refused records that the user asked for a patient who does not exist or is not theirs, and returns err. Other errors
// pass.
func (s *Service) refused(ctx context.Context, who auth.Principal, id patients.ID, err error) error {
	return audit.Missing(ctx, s.trail, who, audit.OfPatient(id.UUID), err, patients.ErrNotFound)
}
