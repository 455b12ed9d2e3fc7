package app

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

// Find returns one appointment. Errors: appointments.ErrNotFound.
func (s *Service) Find(ctx context.Context, who auth.Principal, id appointments.ID) (Shown, error) {
	shown, err := s.find(ctx, who, id)
	if err != nil {
		return Shown{}, s.recordMissing(ctx, who, id, err)
	}
	entry := newEntry(audit.Read, shown.Appointment, reasonOf(shown))
	if shown.Patient == nil {
		entry.PatientID = uuid.Nil // of a patient who was not shown
	}
	return shown, s.trail.Record(ctx, who, entry)
}

func (s *Service) find(ctx context.Context, who auth.Principal, id appointments.ID) (shown Shown, err error) {
	a, err := s.appointments.Find(ctx, id)
	if err != nil {
		return shown, err
	}
	by, err := s.see(ctx, who, a, s.clock.Now())
	if err != nil {
		return shown, err
	}
	return s.show(ctx, a, by)
}

// see returns the side on which the user sees an appointment: of a patient whom the user sees, or in the calendar of
// the doctor. Errors: appointments.ErrNotFound.
func (s *Service) see(
	ctx context.Context, who auth.Principal, a domain.Appointment, now time.Time,
) (side, error) {
	patient, err := s.patients.Find(ctx, patients.VisibleTo(who, now), a.PatientID)
	switch {
	case err == nil:
		return side{patient: &patient, byPatient: represents(patient)}, nil
	case !errors.Is(err, patients.ErrNotFound):
		return side{}, err
	case !who.ActsFor(a.DoctorID.UUID):
		return side{}, appointments.ErrNotFound
	}
	return s.doctorsSide(ctx, who, a, now)
}

// show adds the doctor and the type to an appointment.
func (s *Service) show(ctx context.Context, a domain.Appointment, by side) (Shown, error) {
	shown := Shown{Appointment: a, Patient: by.patient, AsPatient: by.byPatient}
	found, err := s.doctors.FindAll(ctx, []doctors.ID{a.DoctorID})
	if err != nil {
		return shown, err
	}
	if doctor, exists := found[a.DoctorID]; exists {
		shown.Doctor = &doctor
	}
	shown.Type, err = s.types.Find(ctx, a.TypeID)
	return shown, err
}

// Browse returns a page of the appointments that the user sees and that match the filter: those of the own patients and
// of those of colleagues for whom the user stands in, those of the own calendar, and those of the represented patients.
// With filter.Patient, those of any patient whom the user may see. A filter by a patient whom the user may not see
// returns an empty page, which is recorded as a refusal. Errors: none.
func (s *Service) Browse(
	ctx context.Context, who auth.Principal, filter domain.Filter, page paging.Request,
) (shown paging.Page[Shown], err error) {
	now := s.clock.Now()
	var found paging.Page[domain.Appointment]
	switch {
	case filter.Patient != nil:
		seen, err := s.sees(ctx, who, *filter.Patient)
		if err != nil || !seen {
			return emptyPage[Shown](page), err
		}
		found, err = s.appointments.ListOf(ctx, filter, page)
		if err != nil {
			return shown, err
		}
	default:
		except, err := s.exceptions(ctx, who, now)
		if err != nil {
			return shown, err
		}
		if found, err = s.appointments.List(ctx, patients.VisibleTo(who, now), except, filter, page); err != nil {
			return shown, err
		}
	}
	detailed, count, err := s.detailed(ctx, who, found.Items, now)
	if err != nil {
		return shown, err
	}
	found = found.Cut(count)
	shown = paging.Page[Shown]{Items: detailed, Next: found.Next, Total: found.Total}
	return shown, s.trail.Record(ctx, who, newListEntries(filter, detailed)...)
}

// emptyPage returns a page without items.
func emptyPage[T any](request paging.Request) (page paging.Page[T]) {
	if request.Count {
		page.Total = new(int64)
	}
	return page
}

// exceptions returns the patients in whom the lists of a user who acts for others differ from the ranges of the store.
func (s *Service) exceptions(
	ctx context.Context, who auth.Principal, now time.Time,
) (patients.Exceptions, error) {
	if len(who.For) == 0 {
		return patients.Exceptions{}, nil
	}
	return s.patients.Exceptions(ctx, who, now)
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

// detailed adds the patients, doctors and types to appointments, in at most four queries. It omits appointments whose
// patient the user no longer sees, except those of the own calendar. count is the number of appointments of all that
// fit on the page.
func (s *Service) detailed(
	ctx context.Context, who auth.Principal, all []domain.Appointment, now time.Time,
) (detailed []Shown, count int, err error) {
	ids, kinds := make(recordid.Set[doctors.ID]), make(recordid.Set[domain.TypeID])
	for _, a := range all {
		ids.Add(a.DoctorID)
		kinds.Add(a.TypeID)
	}
	visitors, err := s.visitors(ctx, who, all, now)
	if err != nil {
		return nil, 0, err
	}
	doctorsByID, err := s.doctors.FindAll(ctx, ids.All())
	if err != nil {
		return nil, 0, err
	}
	types, err := s.types.FindAll(ctx, kinds.All())
	if err != nil {
		return nil, 0, err
	}
	detailed = make([]Shown, 0, len(all))
	size := 0
	for i, a := range all {
		one := Shown{Appointment: a, Type: types[a.TypeID]}
		if patient, seen := visitors[a.PatientID]; seen {
			one.Patient, one.AsPatient = &patient, represents(patient)
			size += paging.Size(patient.Name)
		} else if !who.ActsFor(a.DoctorID.UUID) {
			continue
		}
		if doctor, exists := doctorsByID[a.DoctorID]; exists {
			one.Doctor = &doctor
			size += paging.Size(doctor.Name, doctor.Specialization)
		}
		size += paging.Size(a.Reason, a.OverbookReason, a.DoctorName, one.Type.Name)
		if size > paging.MaxBytes && len(detailed) > 0 {
			return detailed, i, nil
		}
		detailed = append(detailed, one)
	}
	return detailed, len(all), nil
}

// visitors returns the patients of appointments whom the user may see, in one query, or two for the calendar of a
// doctor: the doctor also sees the names of those who are not granted, unless they are hidden from the doctor.
func (s *Service) visitors(
	ctx context.Context, who auth.Principal, all []domain.Appointment, now time.Time,
) (map[patients.ID]patients.Patient, error) {
	ids := make(recordid.Set[patients.ID])
	for _, a := range all {
		ids.Add(a.PatientID)
	}
	found, err := s.patients.FindAll(ctx, patients.VisibleTo(who, now), ids.All())
	if err != nil {
		return nil, err
	}
	ungranted, owners, doctor := make(recordid.Set[patients.ID]), make(recordid.Set[uuid.UUID]), uuid.Nil
	for _, a := range all {
		if _, seen := found[a.PatientID]; !seen && who.ActsFor(a.DoctorID.UUID) {
			ungranted.Add(a.PatientID)
			owners.Add(a.OwnerID)
			doctor = a.DoctorID.UUID
		}
	}
	if len(ungranted) == 0 {
		return found, nil
	}
	named, err := s.patients.FindAll(ctx, patients.VisitedBy(who, owners.All(), now), ungranted.All())
	for id, patient := range named {
		patient.Reason = auth.Reason{Basis: "care", For: doctor}
		found[id] = patient
	}
	return found, err
}
