package app

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
)

// resource is the audit resource of appointments, declared in openapi.yaml.
const resource audit.Resource = "Appointment"

// newEntry returns the entry of a successful action on one appointment, for the reason for which the user may see the
// patient.
func newEntry(action audit.Action, a domain.Appointment, reason auth.Reason) audit.Entry {
	entry := audit.NewEntry(action, resource, a.ID.UUID)
	entry.PatientID, entry.Reason = a.PatientID.UUID, reason
	return entry
}

func reasonOf(shown Shown) auth.Reason { return side{patient: shown.Patient}.reason() }

// newListEntries returns the audit entries of a page of appointments, and of the patients whose names the page shows.
func newListEntries(filter domain.Filter, shown []Shown) []audit.Entry {
	return newPageEntries(resource, filter.Patient, shown,
		func(a Shown) (uuid.UUID, *patients.Patient) { return a.ID.UUID, a.Patient })
}

// newPageEntries returns the audit entries of a page of records, and of the patients whose names the page shows unless
// it is about one patient. of returns the id of a record and its patient, nil for a hidden one.
func newPageEntries[T any](
	resource audit.Resource, patient *uuid.UUID, shown []T, of func(T) (uuid.UUID, *patients.Patient),
) []audit.Entry {
	page := audit.Entry{Action: audit.List, Resource: resource}
	ids := make([]uuid.UUID, len(shown))
	var visitors []patients.Patient
	for i, one := range shown {
		id, visitor := of(one)
		ids[i] = id
		if visitor != nil {
			visitors = append(visitors, *visitor)
		}
	}
	if patient != nil {
		page.PatientID = *patient
		if len(visitors) > 0 {
			page.Reason = visitors[0].Reason
		}
	}
	entries := audit.NewListEntries(page, ids)
	if patient != nil || len(visitors) == 0 {
		return entries
	}
	slices.SortFunc(visitors, func(a, b patients.Patient) int { return bytes.Compare(a.ID.UUID[:], b.ID.UUID[:]) })
	visitors = slices.CompactFunc(visitors, func(a, b patients.Patient) bool { return a.ID == b.ID })
	reason := func(p patients.Patient) (uuid.UUID, auth.Reason) { return p.ID.UUID, p.Reason }
	list := audit.Entry{Action: audit.List, Resource: audit.Patient}
	return append(entries, audit.NewPatientEntries(list, visitors, reason)...)
}

// waitingResource is the audit resource of entries of the waiting list, declared in openapi.yaml.
const waitingResource audit.Resource = "WaitingEntry"

// newWaitingEntry is newEntry for an entry of the waiting list.
func newWaitingEntry(action audit.Action, e domain.WaitingEntry, reason auth.Reason) audit.Entry {
	entry := audit.NewEntry(action, waitingResource, e.ID.UUID)
	entry.PatientID, entry.Reason = e.PatientID.UUID, reason
	return entry
}

// newWaitingListEntries is newListEntries for entries of the waiting list.
func newWaitingListEntries(patient *uuid.UUID, shown []WaitingShown) []audit.Entry {
	return newPageEntries(waitingResource, patient, shown,
		func(e WaitingShown) (uuid.UUID, *patients.Patient) { return e.ID.UUID, e.Patient })
}

// differing returns the names of the columns in which two versions of an appointment differ.
func differing(before, after domain.Appointment) (names []string) {
	for _, column := range []struct {
		name    string
		differs bool
	}{
		{"doctor", before.DoctorID != after.DoctorID},
		{"type", before.TypeID != after.TypeID},
		{"starts_at", !before.StartsAt.Equal(after.StartsAt)},
		{"status", before.Status != after.Status},
		{"overbooked", before.Overbooked != after.Overbooked},
		{"reason", before.Reason != after.Reason},
		{"cancel_reason", before.CancelReason != after.CancelReason},
	} {
		if column.differs {
			names = append(names, column.name)
		}
	}
	return names
}

// recordMissingPatient records that the patient does not exist or belongs to another user, and returns err. It returns
// other errors unrecorded.
func (s *Service) recordMissingPatient(
	ctx context.Context, who auth.Principal, id uuid.UUID, status int, err error,
) error {
	refusal := audit.NewRefusal(audit.Patient, id, status)
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, patients.ErrNotFound)
}

// recordRefusedPatient is recordMissingPatient that also records that the user may not book for a patient whom they may
// read.
func (s *Service) recordRefusedPatient(ctx context.Context, who auth.Principal, id patients.ID, err error) error {
	if errs.KindOf(err) != errs.Forbidden {
		return s.recordMissingPatient(ctx, who, id.UUID, http.StatusNotFound, err)
	}
	refusal := audit.NewRefusal(audit.Patient, id.UUID, http.StatusForbidden)
	patient, found := s.patients.Find(ctx, patients.VisibleTo(who, s.clock.Now()), id)
	if found == nil {
		refusal.Reason = patient.Reason
	}
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, err)
}

// recordMissing records that the appointment does not exist, or that the user may not see it, and returns err. The
// entry names no patient, because the response shows none.
func (s *Service) recordMissing(ctx context.Context, who auth.Principal, id appointments.ID, err error) error {
	refusal := audit.NewRefusal(resource, id.UUID, http.StatusNotFound)
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, appointments.ErrNotFound)
}

// recordRefusal is recordMissing that also records that the user may not change an appointment that they may see.
func (s *Service) recordRefusal(ctx context.Context, who auth.Principal, id appointments.ID, err error) error {
	if errs.KindOf(err) != errs.Forbidden {
		return s.recordMissing(ctx, who, id, err)
	}
	refusal := audit.NewRefusal(resource, id.UUID, http.StatusForbidden)
	if shown, missing := s.find(ctx, who, id); missing == nil {
		refusal.Reason = reasonOf(shown)
	} else if !errors.Is(missing, appointments.ErrNotFound) {
		return missing
	}
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, err)
}

// recordWaitingRefusal is recordRefusal for an entry of the waiting list.
func (s *Service) recordWaitingRefusal(ctx context.Context, who auth.Principal, id domain.WaitingID, err error) error {
	refusal := audit.NewRefusal(waitingResource, id.UUID, http.StatusNotFound)
	if errs.KindOf(err) != errs.Forbidden {
		return audit.RecordMissing(ctx, s.trail, who, refusal, err, appointments.ErrWaitingNotFound)
	}
	refusal.Status = http.StatusForbidden
	if shown, missing := s.findWaiting(ctx, who, id); missing == nil {
		refusal.Reason = side{patient: shown.Patient}.reason()
	} else if !errors.Is(missing, appointments.ErrWaitingNotFound) {
		return missing
	}
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, err)
}
