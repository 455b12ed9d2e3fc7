// Package app holds the use cases of the patients module: one method each, on behalf of a user who sees their own patients and
// nobody else's.
package app

import (
	"context"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
	"healthcare/platform/tx"
)

// Service is what a user may do with patients.
type Service struct {
	patients ports.Repository
	tx       tx.Runner
	events   events.Publisher
	clock    clock.Clock
}

// New wires the use cases.
func New(patients ports.Repository, tx tx.Runner, events events.Publisher, clock clock.Clock) *Service {
	return &Service{patients: patients, tx: tx, events: events, clock: clock}
}

// visible is which patients the user may see and change: today, those they created.
func visible(who auth.Principal) patients.Scope { return patients.OwnedBy(who.UserID) }

// Register adds a patient of the user's. Errors: errs.Invalid, patients.ErrMedicalRecordNumberTaken.
func (s *Service) Register(ctx context.Context, who auth.Principal, said domain.Said) (domain.Patient, error) {
	patient, err := domain.New(who.UserID, said, s.clock.Now())
	if err != nil {
		return domain.Patient{}, err
	}
	return patient, s.patients.Add(ctx, patient)
}

// Browse is every patient the user may see, newest first. Errors: none.
func (s *Service) Browse(ctx context.Context, who auth.Principal) ([]domain.Patient, error) {
	return s.patients.List(ctx, visible(who))
}

// Find is one patient. Errors: patients.ErrNotFound.
func (s *Service) Find(ctx context.Context, who auth.Principal, id patients.ID) (domain.Patient, error) {
	return s.patients.Find(ctx, visible(who), id)
}

// Revise replaces all details of a patient. Errors: errs.Invalid, patients.ErrNotFound, patients.ErrMedicalRecordNumberTaken.
func (s *Service) Revise(ctx context.Context, who auth.Principal, id patients.ID, said domain.Said) (domain.Patient, error) {
	return s.patients.Change(ctx, visible(who), id, func(p *domain.Patient) error { return p.Revise(said, s.clock.Now()) })
}

// Amend changes some details of a patient. Errors: errs.Invalid, patients.ErrNotFound, patients.ErrMedicalRecordNumberTaken.
func (s *Service) Amend(ctx context.Context, who auth.Principal, id patients.ID, changes domain.Changes) (domain.Patient, error) {
	return s.patients.Change(ctx, visible(who), id, func(p *domain.Patient) error { return p.Amend(changes, s.clock.Now()) })
}

// Remove deletes a patient after everyone who refers to them has let go. Errors: patients.ErrNotFound.
func (s *Service) Remove(ctx context.Context, who auth.Principal, id patients.ID) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.patients.Hold(ctx, visible(who), id); err != nil {
			return err
		}
		if err := s.events.Publish(ctx, patients.Deleted{ID: id}); err != nil {
			return err
		}
		return s.patients.Remove(ctx, visible(who), id)
	})
}

// Today is the day on which ages are counted.
func (s *Service) Today() domain.Date { return domain.DateOf(s.clock.Now()) }
