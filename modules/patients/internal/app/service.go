// Package app implements the use cases of the patients module, one method each. Every use case acts for a user, who
// sees only their own patients and those granted to a party for whom the user acts.
package app

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
	"healthcare/platform/paging"
	"healthcare/platform/quota"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// Service implements the use cases of patients.
type Service struct {
	patients ports.Repository
	trail    audit.Recorder
	tx       tx.Runner
	events   events.Publisher
	clock    clock.Clock
	zone     *time.Location // of the current date and of ages
	limit    Limit

	showsNotes bool // to patients and their delegates
}

// Limit is the quota of patients of one user.
type Limit struct {
	*quota.Quota
	most int // 0: no limit
}

// NewLimit returns the configured limit.
func NewLimit(cfg patients.Config, repository ports.Repository) Limit {
	owned := func(ctx context.Context, user uuid.UUID, limit int) (int, error) {
		return repository.Count(ctx, patients.OwnedBy(user), limit)
	}
	return Limit{quota.New(cfg.MaxPerUser, owned, patients.ErrLimitReached), cfg.MaxPerUser}
}

// New returns a Service.
func New(
	repository ports.Repository, trail audit.Recorder, runner tx.Runner, publisher events.Publisher, clk clock.Clock,
	zone *time.Location, cfg patients.Config, limit Limit,
) *Service {
	return &Service{
		patients: repository, trail: trail, tx: runner, events: publisher,
		clock: clk, zone: zone, limit: limit, showsNotes: cfg.PatientSeesNotes,
	}
}

// Register adds a patient who is owned by the user. Errors: errs.Invalid, patients.ErrMedicalRecordNumberTaken,
// patients.ErrLimitReached.
func (s *Service) Register(ctx context.Context, who auth.Principal, in domain.Input) (domain.Patient, error) {
	now := s.clock.Now()
	patient, err := domain.New(who.UserID, in, now, domain.CalendarAt(now, s.zone))
	if err != nil {
		return domain.Patient{}, err
	}
	return patient, s.limit.Insert(ctx, who.UserID, func(ctx context.Context) error {
		return s.tx.Do(ctx, func(ctx context.Context) error {
			if err := s.patients.Add(ctx, patient); err != nil {
				return err
			}
			return s.trail.Record(ctx, who, newEntry(audit.Create, patient.ID, patients.Owned))
		})
	})
}

// Browse returns a page of the patients that the user may see and that match the filter. Errors: errs.Invalid.
func (s *Service) Browse(
	ctx context.Context, who auth.Principal, filter domain.Filter, page paging.Request,
) (paging.Page[domain.Patient], error) {
	none := paging.Page[domain.Patient]{}
	filter, err := filter.On(s.Today())
	if err != nil {
		return none, err
	}
	found, err := s.patients.List(ctx, patients.VisibleTo(who, s.clock.Now()), filter, page)
	if err != nil {
		return none, err
	}
	s.hideNotes(found.Items)
	entry := audit.Entry{Action: audit.List, Resource: audit.Patient}
	if filter.Search != "" {
		entry.Action = audit.Search
	}
	reason := func(p domain.Patient) (uuid.UUID, auth.Reason) { return p.ID.UUID, p.Reason }
	return found, s.trail.Record(ctx, who, audit.NewPatientEntries(entry, found.Items, reason)...)
}

// Find returns one patient. Errors: patients.ErrNotFound.
func (s *Service) Find(ctx context.Context, who auth.Principal, id patients.ID) (domain.Patient, error) {
	patient, err := s.patients.Find(ctx, patients.VisibleTo(who, s.clock.Now()), id)
	if err != nil {
		return domain.Patient{}, s.recordMissing(ctx, who, id, err)
	}
	shown := []domain.Patient{patient}
	s.hideNotes(shown)
	return shown[0], s.trail.Record(ctx, who, newEntry(audit.Read, patient.ID, patient.Reason))
}

// Revise replaces all details of a patient whose version matches expected. Errors: errs.Invalid, patients.ErrNotFound,
// patients.ErrReadOnly, patients.ErrMedicalRecordNumberTaken, revision.ErrStale.
func (s *Service) Revise(
	ctx context.Context, who auth.Principal, id patients.ID, expected revision.Match, in domain.Input,
) (domain.Patient, error) {
	return s.change(ctx, who, id, expected, func(p *domain.Patient) error {
		now := s.clock.Now()
		return p.Revise(in, now, domain.CalendarAt(now, s.zone))
	})
}

// Amend changes some details of a patient whose version matches expected. Errors: errs.Invalid, patients.ErrNotFound,
// patients.ErrReadOnly, patients.ErrMedicalRecordNumberTaken, revision.ErrStale.
func (s *Service) Amend(
	ctx context.Context, who auth.Principal, id patients.ID, expected revision.Match, changes domain.Changes,
) (domain.Patient, error) {
	return s.change(ctx, who, id, expected, func(p *domain.Patient) error {
		now := s.clock.Now()
		return p.Amend(changes, now, domain.CalendarAt(now, s.zone))
	})
}

// change applies rule to a patient whose version matches expected, and records the names of the changed fields.
func (s *Service) change(
	ctx context.Context, who auth.Principal, id patients.ID, expected revision.Match, rule func(*domain.Patient) error,
) (changed domain.Patient, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		var before domain.Details
		scope := patients.ChangeableBy(who, s.clock.Now())
		changed, err = s.patients.Change(ctx, scope, id, func(p *domain.Patient) error {
			before = p.Details
			if err := expected.Check(p.Version); err != nil {
				return err
			}
			if err := rule(p); err != nil {
				return err
			}
			return p.CheckChangedBy(who.UserID, before)
		})
		if err != nil {
			return err
		}
		if before.BirthDate != changed.Details.BirthDate || before.Age != changed.Details.Age {
			aged := aged{id: id, before: before, after: changed.Details, by: who}
			if err := s.events.Publish(ctx, aged); err != nil {
				return err
			}
		}
		update := newEntry(audit.Update, id, changed.Reason)
		update.Fields = before.Differing(changed.Details)
		return s.trail.Record(ctx, who, update)
	})
	return changed, s.recordRefusal(ctx, who, id, err, patients.ErrReadOnly)
}

// Remove deletes a patient whose version matches expected, after the subscribers deleted their references. Errors:
// patients.ErrNotFound, patients.ErrKeeperOnly, revision.ErrStale.
func (s *Service) Remove(ctx context.Context, who auth.Principal, id patients.ID, expected revision.Match) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		version, err := s.patients.Lock(ctx, patients.OwnedBy(who.UserID), id)
		if err != nil {
			return err
		}
		if err := expected.Check(version); err != nil {
			return err
		}
		if err := s.events.Publish(ctx, patients.Deleted{IDs: []patients.ID{id}, By: who}); err != nil {
			return err
		}
		if err := s.patients.Remove(ctx, patients.OwnedBy(who.UserID), id); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, newEntry(audit.Delete, id, patients.Owned))
	})
	if err == nil {
		s.limit.Changed(who.UserID, -1)
	}
	return s.recordRefusal(ctx, who, id, err, patients.ErrKeeperOnly)
}

// newEntry returns the entry of a successful action on a patient, with the reason for which the user may see the
// patient.
func newEntry(action audit.Action, id patients.ID, reason auth.Reason) audit.Entry {
	entry := audit.NewEntry(action, audit.Patient, id.UUID)
	entry.Reason = reason
	return entry
}

// recordMissing records that the patient does not exist or belongs to another user, and returns err. It returns other
// errors unrecorded.
func (s *Service) recordMissing(ctx context.Context, who auth.Principal, id patients.ID, err error) error {
	refusal := audit.NewRefusal(audit.Patient, id.UUID, http.StatusNotFound)
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, patients.ErrNotFound)
}

// recordRefusal is recordMissing for operations that need more than to read. It replaces patients.ErrNotFound by
// forbidden if the user may read the patient, and records that as well.
func (s *Service) recordRefusal(
	ctx context.Context, who auth.Principal, id patients.ID, err, forbidden error,
) error {
	if len(who.For) == 0 || !errors.Is(err, patients.ErrNotFound) {
		return s.recordMissing(ctx, who, id, err)
	}
	return s.recordForbidden(ctx, who, id, forbidden)
}

// recordForbidden records forbidden, with the reason for which the user may read the patient, and returns it, or
// patients.ErrNotFound for a user who may not.
func (s *Service) recordForbidden(ctx context.Context, who auth.Principal, id patients.ID, forbidden error) error {
	patient, err := s.patients.Find(ctx, patients.VisibleTo(who, s.clock.Now()), id)
	if err != nil {
		return s.recordMissing(ctx, who, id, err)
	}
	refusal := audit.NewRefusal(audit.Patient, id.UUID, http.StatusForbidden)
	refusal.Reason = patient.Reason
	return audit.RecordMissing(ctx, s.trail, who, refusal, forbidden, forbidden)
}

// Today returns the current date in the service's time zone. Ages are computed for this date.
func (s *Service) Today() domain.Date { return domain.CalendarAt(s.clock.Now(), s.zone).Today }
