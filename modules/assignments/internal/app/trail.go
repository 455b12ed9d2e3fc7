package app

import (
	"context"
	"errors"
	"net/http"

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

// listed is a page that is about to be shown.
func listed(filter domain.Filter, shown []Assigned) audit.Entry {
	entry := audit.Entry{Action: audit.List, Resource: audit.Assignment, Outcome: audit.Success, Status: http.StatusOK}
	if filter.Patient != nil {
		entry.PatientID = *filter.Patient
	}
	for _, a := range shown {
		entry.IDs = append(entry.IDs, a.ID.UUID)
	}
	return entry
}

// refused records that a patient was asked for who is not there, or not the user's, and gives the refusal back. Other errors pass.
func (s *Service) refused(ctx context.Context, who auth.Principal, patient patients.ID, err error) error {
	if !errors.Is(err, patients.ErrNotFound) {
		return err
	}
	unrecorded := s.trail.Record(ctx, who, audit.Entry{
		Action: audit.Refused, Resource: audit.Patient, ResourceID: patient.UUID, PatientID: patient.UUID, Outcome: audit.Denied,
		Status: http.StatusNotFound,
	})
	if unrecorded != nil {
		return unrecorded
	}
	return err
}

// missing is likewise for an assignment.
func (s *Service) missing(ctx context.Context, who auth.Principal, id assignments.ID, err error) error {
	if !errors.Is(err, assignments.ErrNotFound) {
		return err
	}
	unrecorded := s.trail.Record(ctx, who, audit.Entry{
		Action: audit.Refused, Resource: audit.Assignment, ResourceID: id.UUID, Outcome: audit.Denied, Status: http.StatusNotFound,
	})
	if unrecorded != nil {
		return unrecorded
	}
	return err
}
