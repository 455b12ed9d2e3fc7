// Package app implements the use cases of the doctors module, one method each.
package app

import (
	"context"
	"net/http"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/jobs"
	"healthcare/platform/paging"
	"healthcare/platform/quota"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// resource is the audit resource of doctors, declared in openapi.yaml.
const resource audit.Resource = "Doctor"

// Service implements the use cases of the directory, which all users share. The mode defines who may change it.
type Service struct {
	doctors     ports.Repository
	assignments doctors.Assignments
	jobs        *jobs.Queue
	trail       audit.Recorder
	tx          tx.Runner
	events      events.Publisher
	clock       clock.Clock
	codes       Codes
	mode        doctors.Mode
	limit       *quota.Quota
}

// New returns a Service.
func New(
	repository ports.Repository, assignments doctors.Assignments, queue *jobs.Queue,
	trail audit.Recorder, runner tx.Runner, publisher events.Publisher, clk clock.Clock, codes Codes,
	cfg doctors.Config,
) *Service {
	limit := quota.New(cfg.MaxPerUser, repository.CountOf, doctors.ErrLimitReached)
	return &Service{
		doctors: repository, assignments: assignments, jobs: queue, trail: trail,
		tx: runner, events: publisher, clock: clk, codes: codes, mode: cfg.Mode, limit: limit,
	}
}

// mayChange returns an error if the user may not change the doctor. Every use case that changes or deletes a doctor
// calls it under the doctor's lock, so that no claim comes in between, except StartRemoval, which requires an
// administrator. Errors: doctors.ErrLinked, doctors.ErrCurated.
func (s *Service) mayChange(ctx context.Context, who auth.Principal, id doctors.ID) error {
	if who.Role == auth.Admin {
		return nil
	}
	link, err := s.doctors.LinkOf(ctx, id)
	if err != nil {
		return err
	}
	return domain.MayChange(link, who.UserID, s.mode)
}

// recordForbidden returns err, and records it if it denies the user a change of the doctor.
func (s *Service) recordForbidden(ctx context.Context, who auth.Principal, id doctors.ID, err error) error {
	if errs.KindOf(err) == errs.Forbidden {
		return s.forbidden(ctx, who, id, err)
	}
	return err
}

// forbidden records that the role of who does not allow the action, and returns refusal.
func (s *Service) forbidden(ctx context.Context, who auth.Principal, id doctors.ID, refusal error) error {
	if err := s.trail.Record(ctx, who, audit.NewRefusal(resource, id.UUID, http.StatusForbidden)); err != nil {
		return err
	}
	return refusal
}

// Register adds a doctor. Errors: doctors.ErrCurated, errs.Invalid, doctors.ErrLicenseNumberTaken,
// doctors.ErrLimitReached.
func (s *Service) Register(ctx context.Context, who auth.Principal, details domain.Details) (domain.Doctor, error) {
	if s.mode == doctors.Curated && who.Role != auth.Admin {
		return domain.Doctor{}, s.forbidden(ctx, who, doctors.ID{}, doctors.ErrCurated)
	}
	doctor, err := domain.New(details, s.clock.Now())
	if err != nil {
		return domain.Doctor{}, err
	}
	add := func(ctx context.Context) error {
		return s.tx.Do(ctx, func(ctx context.Context) error {
			if err := s.doctors.Add(ctx, doctor); err != nil {
				return err
			}
			if who.Role != auth.Admin { // administrators have no limit
				if err := s.doctors.RecordCreator(ctx, doctor.ID, who.UserID); err != nil {
					return err
				}
			}
			return s.trail.Record(ctx, who, audit.NewEntry(audit.Create, resource, doctor.ID.UUID))
		})
	}
	if who.Role == auth.Admin {
		return doctor, add(ctx)
	}
	return doctor, s.limit.Insert(ctx, who.UserID, add)
}

// Browse returns a page of the doctors that match the filter. Errors: none.
func (s *Service) Browse(
	ctx context.Context, filter domain.Filter, page paging.Request,
) (paging.Page[domain.Doctor], error) {
	return s.doctors.List(ctx, filter, page)
}

// Find returns one doctor. Errors: doctors.ErrNotFound.
func (s *Service) Find(ctx context.Context, id doctors.ID) (domain.Doctor, error) {
	return s.doctors.Find(ctx, id)
}

// Revise replaces all details of a doctor whose version matches expected. Errors: doctors.ErrLinked,
// doctors.ErrCurated, errs.Invalid, doctors.ErrNotFound, doctors.ErrLicenseNumberTaken, revision.ErrStale.
func (s *Service) Revise(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, details domain.Details,
) (domain.Doctor, error) {
	return s.change(ctx, who, id, expected, func(d *domain.Doctor) error { return d.Revise(details, s.clock.Now()) })
}

// Amend changes some details of a doctor whose version matches expected. Errors: doctors.ErrLinked,
// doctors.ErrCurated, errs.Invalid, doctors.ErrNotFound, doctors.ErrLicenseNumberTaken, revision.ErrStale.
func (s *Service) Amend(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, changes domain.Changes,
) (domain.Doctor, error) {
	return s.change(ctx, who, id, expected, func(d *domain.Doctor) error { return d.Amend(changes, s.clock.Now()) })
}

// change applies rule to a doctor whose version matches expected, and records the names of the changed fields.
func (s *Service) change(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, rule func(*domain.Doctor) error,
) (changed domain.Doctor, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		var before domain.Details
		changed, err = s.doctors.Change(ctx, id, func(d *domain.Doctor) error {
			before = d.Details
			if err := s.mayChange(ctx, who, id); err != nil {
				return err
			}
			if err := expected.Check(d.Version); err != nil {
				return err
			}
			return rule(d)
		})
		if err != nil {
			return err
		}
		update := audit.NewEntry(audit.Update, resource, id.UUID)
		update.Fields = before.Differing(changed.Details)
		return s.trail.Record(ctx, who, update)
	})
	return changed, s.recordForbidden(ctx, who, id, err)
}
