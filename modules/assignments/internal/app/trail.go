package app

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// resource is the audit resource of assignments, declared in openapi.yaml.
const resource audit.Resource = "Assignment"

// newEntry returns the entry of a successful action on one assignment, for the reason for which the user may see the
// patient.
func newEntry(action audit.Action, a domain.Assignment, reason auth.Reason) audit.Entry {
	entry := audit.NewEntry(action, resource, a.ID.UUID)
	entry.PatientID, entry.Reason = a.PatientID.UUID, reason
	return entry
}

// newListEntries returns the audit entries of a page of assignments, and of the patients whose names the page shows.
func newListEntries(filter domain.Filter, shown []Assigned) []audit.Entry {
	page := audit.Entry{Action: audit.List, Resource: resource}
	if filter.Patient != nil {
		page.PatientID = *filter.Patient
		if len(shown) > 0 {
			page.Reason = shown[0].Patient.Reason
		}
	}
	entries := audit.NewListEntries(page, audit.IDs(shown, func(a Assigned) uuid.UUID { return a.ID.UUID }))
	if filter.Patient != nil || len(shown) == 0 {
		return entries
	}
	treated := make([]patients.Patient, len(shown))
	for i, a := range shown {
		treated[i] = a.Patient
	}
	slices.SortFunc(treated, func(a, b patients.Patient) int { return bytes.Compare(a.ID.UUID[:], b.ID.UUID[:]) })
	treated = slices.CompactFunc(treated, func(a, b patients.Patient) bool { return a.ID == b.ID })
	reason := func(p patients.Patient) (uuid.UUID, auth.Reason) { return p.ID.UUID, p.Reason }
	list := audit.Entry{Action: audit.List, Resource: audit.Patient}
	return append(entries, audit.NewPatientEntries(list, treated, reason)...)
}

// newReleaseEntries returns the audit entries of the assignments that the removal of a doctor made and ended, and of
// their patients.
func newReleaseEntries(made, ended []domain.Assignment) (entries []audit.Entry) {
	var patientIDs []uuid.UUID
	add := func(action audit.Action, all []domain.Assignment) {
		if len(all) == 0 {
			return
		}
		ids := audit.IDs(all, func(a domain.Assignment) uuid.UUID { return a.ID.UUID })
		entries = append(entries, audit.NewListEntries(audit.Entry{Action: action, Resource: resource}, ids)...)
		treated := audit.IDs(all, func(a domain.Assignment) uuid.UUID { return a.PatientID.UUID })
		patientIDs = append(patientIDs, treated...)
	}
	add(audit.Create, made)
	add(audit.Delete, ended)
	if len(patientIDs) == 0 {
		return nil
	}
	changed := audit.Entry{Action: audit.Update, Resource: audit.Patient, Fields: []string{"assignments"}}
	return append(entries, audit.NewListEntries(changed, distinct(patientIDs))...)
}

// distinct sorts ids in place and returns them without duplicates.
func distinct(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// recordMissingPatient records that the patient does not exist or belongs to another user, and returns err. It returns
// other errors unrecorded.
func (s *Service) recordMissingPatient(
	ctx context.Context, who auth.Principal, id uuid.UUID, status int, err error,
) error {
	refusal := audit.NewRefusal(audit.Patient, id, status)
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, patients.ErrNotFound)
}

// recordMissing records that the assignment does not exist or belongs to another user, and returns err. The entry names
// no patient, because the response shows none.
func (s *Service) recordMissing(ctx context.Context, who auth.Principal, id assignments.ID, err error) error {
	refusal := audit.NewRefusal(resource, id.UUID, http.StatusNotFound)
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, assignments.ErrNotFound)
}

// recordRefusedPatient is recordMissingPatient for operations that need more than to read the patient. It replaces
// patients.ErrNotFound by patients.ErrReadOnly if the user may read the patient, and records that as well.
func (s *Service) recordRefusedPatient(ctx context.Context, who auth.Principal, id patients.ID, err error) error {
	if len(who.For) == 0 || !errors.Is(err, patients.ErrNotFound) {
		return s.recordMissingPatient(ctx, who, id.UUID, http.StatusNotFound, err)
	}
	patient, err := s.patients.Find(ctx, patients.VisibleTo(who, s.clock.Now()), id)
	if err != nil {
		return s.recordMissingPatient(ctx, who, id.UUID, http.StatusNotFound, err)
	}
	refusal := audit.NewRefusal(audit.Patient, id.UUID, http.StatusForbidden)
	refusal.Reason = patient.Reason
	return audit.RecordMissing(ctx, s.trail, who, refusal, patients.ErrReadOnly, patients.ErrReadOnly)
}

// recordRefusal is recordMissing for operations that need more than to read the assignment. It replaces
// assignments.ErrNotFound by patients.ErrReadOnly if the user may read the assignment, and records that and
// assignments.ErrOwnAssignment as well.
func (s *Service) recordRefusal(ctx context.Context, who auth.Principal, id assignments.ID, err error) error {
	var reason auth.Reason
	if errors.Is(err, assignments.ErrNotFound) && len(who.For) > 0 {
		_, visible, missing := s.find(ctx, who, id, patients.VisibleTo(who, s.clock.Now()))
		if missing != nil {
			return s.recordMissing(ctx, who, id, missing)
		}
		err, reason = patients.ErrReadOnly, visible
	}
	for _, forbidden := range []error{patients.ErrReadOnly, assignments.ErrOwnAssignment} {
		if errors.Is(err, forbidden) {
			refusal := audit.NewRefusal(resource, id.UUID, http.StatusForbidden)
			refusal.Reason = reason
			return audit.RecordMissing(ctx, s.trail, who, refusal, err, forbidden)
		}
	}
	return s.recordMissing(ctx, who, id, err)
}
