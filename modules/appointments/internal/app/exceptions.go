package app

import (
	"context"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/paging"
)

// The audit resources of exceptions, declared in openapi.yaml.
const (
	exceptionResource audit.Resource = "AvailabilityException"
	holidayResource   audit.Resource = "Holiday"
)

// DetailedException is an exception with the number of open appointments that fall on it. They stay as they are.
type DetailedException struct {
	domain.Exception
	Affected int // at most maxAffected
}

// maxAffected is the maximum number of appointments that are counted.
const maxAffected = 1_000

// AddException adds an exception of a doctor. Errors: errs.Invalid, doctors.ErrNotFound, appointments.ErrOtherDoctor,
// appointments.ErrTooManyExceptions.
func (s *Availability) AddException(
	ctx context.Context, who auth.Principal, doctor doctors.ID, input domain.ExceptionInput,
) (added DetailedException, err error) {
	if err := input.Validate(); err != nil {
		return DetailedException{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.checkChangeable(ctx, who, doctor); err != nil {
			return err
		}
		added, err = s.add(ctx, who, &doctor, input, exceptionResource)
		return err
	})
	return added, s.recordForbidden(ctx, who, audit.NewRefusal(availabilityResource, doctor.UUID, 0), err)
}

// AddHoliday adds a holiday of the practice. Errors: errs.Invalid, appointments.ErrTooManyExceptions.
func (s *Availability) AddHoliday(
	ctx context.Context, who auth.Principal, input domain.ExceptionInput,
) (added DetailedException, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		added, err = s.add(ctx, who, nil, input, holidayResource)
		return err
	})
	return added, err
}

// add stores and records an exception, or a holiday if doctor is nil.
func (s *Availability) add(
	ctx context.Context, who auth.Principal, doctor *doctors.ID, input domain.ExceptionInput, resource audit.Resource,
) (added DetailedException, err error) {
	now := s.clock.Now()
	zone, err := s.availability.Zone(ctx, doctor)
	if err != nil {
		return added, err
	}
	today := calendar.DateOf(now, zone)
	if added.Exception, err = domain.NewException(input, doctor, who.UserID, now, today); err != nil {
		return added, err
	}
	if err := s.availability.AddException(ctx, added.Exception, today); err != nil {
		return added, err
	}
	if added.Affected, err = s.affected(ctx, added.Exception); err != nil {
		return added, err
	}
	return added, s.trail.Record(ctx, who, audit.NewEntry(audit.Create, resource, added.ID.UUID))
}

// affected returns the number of open appointments that fall on a stored exception.
func (s *Availability) affected(ctx context.Context, e domain.Exception) (count int, err error) {
	visits, err := s.availability.Visits(ctx, e.DoctorID, e.Reach(), s.clock.Now(), maxAffected)
	if err != nil || len(visits) == 0 {
		return 0, err
	}
	var visited []doctors.ID
	seen := map[doctors.ID]bool{}
	for _, v := range visits {
		if !seen[v.DoctorID] {
			seen[v.DoctorID] = true
			visited = append(visited, v.DoctorID)
		}
	}
	rules, err := s.availability.Rules(ctx, visited, e.From.AddDays(-1), e.To.AddDays(1))
	if err != nil {
		return 0, err
	}
	for _, v := range visits {
		if e.Affects(v, rules[v.DoctorID]) {
			count++
		}
	}
	return count, nil
}

// FindException returns an exception of a doctor. Errors: appointments.ErrExceptionNotFound.
func (s *Availability) FindException(
	ctx context.Context, doctor doctors.ID, id domain.ExceptionID,
) (DetailedException, error) {
	return s.findException(ctx, &doctor, id)
}

// FindHoliday returns a holiday. Errors: appointments.ErrExceptionNotFound.
func (s *Availability) FindHoliday(ctx context.Context, id domain.ExceptionID) (DetailedException, error) {
	return s.findException(ctx, nil, id)
}

func (s *Availability) findException(
	ctx context.Context, doctor *doctors.ID, id domain.ExceptionID,
) (found DetailedException, err error) {
	if found.Exception, err = s.availability.FindException(ctx, doctor, id); err != nil {
		return found, err
	}
	found.Affected, err = s.affected(ctx, found.Exception)
	return found, err
}

// BrowseExceptions returns a page of the exceptions of a doctor that end on or after a day; today if from is nil.
// Errors: doctors.ErrNotFound.
func (s *Availability) BrowseExceptions(
	ctx context.Context, doctor doctors.ID, from *calendar.Date, page paging.Request,
) (paging.Page[domain.Exception], error) {
	if err := checkDoctor(ctx, s.doctors, doctor); err != nil {
		return paging.Page[domain.Exception]{}, err
	}
	return s.browse(ctx, &doctor, from, page)
}

// BrowseHolidays returns a page of the holidays that end on or after a day; today if from is nil. Errors: none.
func (s *Availability) BrowseHolidays(
	ctx context.Context, from *calendar.Date, page paging.Request,
) (paging.Page[domain.Exception], error) {
	return s.browse(ctx, nil, from, page)
}

func (s *Availability) browse(
	ctx context.Context, doctor *doctors.ID, from *calendar.Date, page paging.Request,
) (paging.Page[domain.Exception], error) {
	if from == nil {
		zone, err := s.availability.Zone(ctx, doctor)
		if err != nil {
			return paging.Page[domain.Exception]{}, err
		}
		today := calendar.DateOf(s.clock.Now(), zone)
		from = &today
	}
	return s.availability.Exceptions(ctx, doctor, *from, page)
}

// RemoveException deletes an exception of a doctor. Errors: doctors.ErrNotFound, appointments.ErrOtherDoctor,
// appointments.ErrExceptionNotFound.
func (s *Availability) RemoveException(
	ctx context.Context, who auth.Principal, doctor doctors.ID, id domain.ExceptionID,
) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.checkChangeable(ctx, who, doctor); err != nil {
			return err
		}
		return s.remove(ctx, who, &doctor, id, exceptionResource)
	})
	return s.recordForbidden(ctx, who, audit.NewRefusal(exceptionResource, id.UUID, 0), err)
}

// RemoveHoliday deletes a holiday. Errors: appointments.ErrExceptionNotFound.
func (s *Availability) RemoveHoliday(ctx context.Context, who auth.Principal, id domain.ExceptionID) error {
	return s.tx.Do(ctx, func(ctx context.Context) error { return s.remove(ctx, who, nil, id, holidayResource) })
}

func (s *Availability) remove(
	ctx context.Context, who auth.Principal, doctor *doctors.ID, id domain.ExceptionID, resource audit.Resource,
) error {
	if err := s.availability.RemoveException(ctx, doctor, id); err != nil {
		return err
	}
	return s.trail.Record(ctx, who, audit.NewEntry(audit.Delete, resource, id.UUID))
}
