// Package app holds the use cases of the doctors module: one method each, in the words of the directory.
package app

import (
	"context"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/events"
	"healthcare/platform/paging"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// Service is the directory as every signed-in user may use it: it is shared, so no use case asks who is acting.
type Service struct {
	doctors ports.Repository
	tx      tx.Runner
	events  events.Publisher
	clock   clock.Clock
}

// New wires the use cases.
func New(doctors ports.Repository, tx tx.Runner, events events.Publisher, clock clock.Clock) *Service {
	return &Service{doctors: doctors, tx: tx, events: events, clock: clock}
}

// Register adds a doctor. Errors: errs.Invalid, doctors.ErrLicenseNumberTaken.
func (s *Service) Register(ctx context.Context, details domain.Details) (domain.Doctor, error) {
	doctor, err := domain.New(details, s.clock.Now())
	if err != nil {
		return domain.Doctor{}, err
	}
	return doctor, s.doctors.Add(ctx, doctor)
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
func (s *Service) Revise(ctx context.Context, id doctors.ID, expected revision.Match, details domain.Details) (domain.Doctor, error) {
	return s.doctors.Change(ctx, id, func(d *domain.Doctor) error {
		if err := expected.Check(d.Version); err != nil {
			return err
		}
		return d.Revise(details, s.clock.Now())
	})
}

// Amend changes some details of a doctor who is at an expected version.
// Errors: errs.Invalid, doctors.ErrNotFound, doctors.ErrLicenseNumberTaken, revision.ErrStale.
func (s *Service) Amend(ctx context.Context, id doctors.ID, expected revision.Match, changes domain.Changes) (domain.Doctor, error) {
	return s.doctors.Change(ctx, id, func(d *domain.Doctor) error {
		if err := expected.Check(d.Version); err != nil {
			return err
		}
		return d.Amend(changes, s.clock.Now())
	})
}

// Remove deletes a doctor who is at an expected version, after everyone who refers to them has let go.
// Errors: doctors.ErrNotFound, revision.ErrStale.
func (s *Service) Remove(ctx context.Context, id doctors.ID, expected revision.Match) error {
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
		return s.doctors.Remove(ctx, id)
	})
}
