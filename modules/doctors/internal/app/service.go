// Package app holds the use cases of the doctors module: one method each, in the words of the directory.
package app

import (
	"context"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/events"
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

// Browse is the whole directory, newest first. Errors: none.
func (s *Service) Browse(ctx context.Context) ([]domain.Doctor, error) {
	return s.doctors.List(ctx)
}

// Find is one doctor. Errors: doctors.ErrNotFound.
func (s *Service) Find(ctx context.Context, id doctors.ID) (domain.Doctor, error) {
	return s.doctors.Find(ctx, id)
}

// Revise replaces all details of a doctor. Errors: errs.Invalid, doctors.ErrNotFound, doctors.ErrLicenseNumberTaken.
func (s *Service) Revise(ctx context.Context, id doctors.ID, details domain.Details) (domain.Doctor, error) {
	return s.doctors.Change(ctx, id, func(d *domain.Doctor) error { return d.Revise(details, s.clock.Now()) })
}

// Amend changes some details of a doctor. Errors: errs.Invalid, doctors.ErrNotFound, doctors.ErrLicenseNumberTaken.
func (s *Service) Amend(ctx context.Context, id doctors.ID, changes domain.Changes) (domain.Doctor, error) {
	return s.doctors.Change(ctx, id, func(d *domain.Doctor) error { return d.Amend(changes, s.clock.Now()) })
}

// Remove deletes a doctor after everyone who refers to them has let go. Errors: doctors.ErrNotFound.
func (s *Service) Remove(ctx context.Context, id doctors.ID) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.doctors.Hold(ctx, id); err != nil {
			return err
		}
		if err := s.events.Publish(ctx, doctors.Deleted{ID: id}); err != nil {
			return err
		}
		return s.doctors.Remove(ctx, id)
	})
}
