// Package app holds the use cases of the doctors module: one method each, in the words of the directory.
package app

import (
	"context"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
	"healthcare/platform/paging"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// Service is the directory as every signed-in user may use it: it is shared, so no use case asks who is acting.
type Service struct {
	doctors ports.Repository
	trail   audit.Recorder
	tx      tx.Runner
	events  events.Publisher
	clock   clock.Clock
}

// New wires the use cases.
func New(doctors ports.Repository, trail audit.Recorder, tx tx.Runner, events events.Publisher, clock clock.Clock) *Service {
	return &Service{doctors: doctors, trail: trail, tx: tx, events: events, clock: clock}
}

// Register adds a doctor. Errors: errs.Invalid, doctors.ErrLicenseNumberTaken.
func (s *Service) Register(ctx context.Context, who auth.Principal, details domain.Details) (domain.Doctor, error) {
	doctor, err := domain.New(details, s.clock.Now())
	if err != nil {
		return domain.Doctor{}, err
	}
	return doctor, s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.doctors.Add(ctx, doctor); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, audit.Done(audit.Create, audit.Doctor, doctor.ID.UUID))
	})
}

// Browse is a page of the doctors that pass the filter. Errors: none.
func (s *Service) Browse(ctx context.Context, filter domain.Filter, page paging.Request) (paging.Page[domain.Doctor], error) {
	return s.doctors.List(ctx, filter, page)
}

// Find is one doctor. Errors: doctors.ErrNotFound.
func (s *Service) Find(ctx context.Context, id doctors.ID) (domain.Doctor, error) {
	return s.doctors.Find(ctx, id)
}

// Revise replaces all details of a doctor who is at an expected version.
// Errors: errs.Invalid, doctors.ErrNotFound, doctors.ErrLicenseNumberTaken, revision.ErrStale.
func (s *Service) Revise(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, details domain.Details,
) (domain.Doctor, error) {
	return s.change(ctx, who, id, expected, func(d *domain.Doctor) error { return d.Revise(details, s.clock.Now()) })
}

// Amend changes some details of a doctor who is at an expected version.
// Errors: errs.Invalid, doctors.ErrNotFound, doctors.ErrLicenseNumberTaken, revision.ErrStale.
func (s *Service) Amend(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, changes domain.Changes,
) (domain.Doctor, error) {
	return s.change(ctx, who, id, expected, func(d *domain.Doctor) error { return d.Amend(changes, s.clock.Now()) })
}

// change applies rule to a doctor who is at an expected version, and records what is different by names of fields.
func (s *Service) change(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, rule func(*domain.Doctor) error,
) (changed domain.Doctor, err error) {
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
		update := audit.Done(audit.Update, audit.Doctor, id.UUID)
		update.Fields = before.Different(changed.Details)
		return s.trail.Record(ctx, who, update)
	})
	return changed, err
}

// Remove deletes a doctor who is at an expected version, after everyone who refers to them has let go.
// Errors: doctors.ErrNotFound, revision.ErrStale.
func (s *Service) Remove(ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		version, err := s.doctors.Hold(ctx, id)
		if err != nil {
			return err
		}
		if err := expected.Check(version); err != nil {
			return err
		}
		if err := s.events.Publish(ctx, doctors.Deleted{ID: id}); err != nil {
			return err
		}
		if err := s.doctors.Remove(ctx, id); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, audit.Done(audit.Delete, audit.Doctor, id.UUID))
	})
}
