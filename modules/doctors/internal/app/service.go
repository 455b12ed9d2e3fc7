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
	mode        doctors.Mode
	limit       *quota.Quota
}

// New returns a Service.
func New(
	repository ports.Repository, assignments doctors.Assignments, queue *jobs.Queue,
	trail audit.Recorder, runner tx.Runner, publisher events.Publisher, clk clock.Clock, cfg doctors.Config,
) *Service {
	limit := quota.New(cfg.MaxPerUser, repository.CountOf, doctors.ErrLimitReached)
	return &Service{
		doctors: repository, assignments: assignments, jobs: queue, trail: trail,
		tx: runner, events: publisher, clock: clk, mode: cfg.Mode, limit: limit,
	}
}

// mayChange returns doctors.ErrCurated, and records the refusal, if the user is not an administrator and only those may
// change the directory. id is zero for a new doctor. Every use case that adds, changes or deletes a doctor calls it
// first, except StartRemoval, which requires an administrator.
func (s *Service) mayChange(ctx context.Context, who auth.Principal, id doctors.ID) error {
	if s.mode != doctors.Curated || who.Role == auth.Admin {
		return nil
	}
	return s.forbidden(ctx, who, id, doctors.ErrCurated)
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
	if err := s.mayChange(ctx, who, doctors.ID{}); err != nil {
		return domain.Doctor{}, err
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

// Revise replaces all details of a doctor whose version matches expected. Errors: doctors.ErrCurated, errs.Invalid,
// doctors.ErrNotFound, doctors.ErrLicenseNumberTaken, revision.ErrStale.
func (s *Service) Revise(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, details domain.Details,
) (domain.Doctor, error) {
	return s.change(ctx, who, id, expected, func(d *domain.Doctor) error { return d.Revise(details, s.clock.Now()) })
}

// Amend changes some details of a doctor whose version matches expected. Errors: doctors.ErrCurated, errs.Invalid,
// doctors.ErrNotFound, doctors.ErrLicenseNumberTaken, revision.ErrStale.
func (s *Service) Amend(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, changes domain.Changes,
) (domain.Doctor, error) {
	return s.change(ctx, who, id, expected, func(d *domain.Doctor) error { return d.Amend(changes, s.clock.Now()) })
}

// change applies rule to a doctor whose version matches expected, and records the names of the changed fields.
func (s *Service) change(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, rule func(*domain.Doctor) error,
) (changed domain.Doctor, err error) {
	if err := s.mayChange(ctx, who, id); err != nil {
		return domain.Doctor{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		var before domain.Details
		changed, err = s.doctors.Change(ctx, id, func(d *domain.Doctor) error {
			before = d.Details
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
	return changed, err
}
