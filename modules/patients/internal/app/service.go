// Package app implements the use cases of the patients module, one method each. Every use case acts for a user, who
// sees only their own patients and those granted to a party for whom the user acts.
package app

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/paging"
	"healthcare/platform/quota"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// Service implements the use cases of patients.
type Service struct {
	patients ports.Repository
	grants   ports.Grants
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
	repository ports.Repository, grants ports.Grants, trail audit.Recorder, runner tx.Runner,
	publisher events.Publisher, clk clock.Clock, zone *time.Location, cfg patients.Config, limit Limit,
) *Service {
	return &Service{
		patients: repository, grants: grants, trail: trail, tx: runner, events: publisher,
		clock: clk, zone: zone, limit: limit, showsNotes: cfg.PatientSeesNotes,
	}
}

// Register is RegisterFor without a practice.
func (s *Service) Register(ctx context.Context, who auth.Principal, in domain.Input) (domain.Patient, error) {
	return s.RegisterFor(ctx, who, in, nil)
}

// RegisterFor adds a patient who is owned by the user, and shares the patient with the practice unless it is nil. The
// user is a member of the practice with the level patients.Write. Errors: errs.Invalid,
// patients.ErrMedicalRecordNumberTaken, patients.ErrLimitReached.
func (s *Service) RegisterFor(
	ctx context.Context, who auth.Principal, in domain.Input, practice *uuid.UUID,
) (domain.Patient, error) {
	now := s.clock.Now()
	patient, err := domain.New(who.UserID, in, now, domain.CalendarAt(now, s.zone))
	if err != nil {
		return domain.Patient{}, err
	}
	if practice != nil && !mayShareWith(who, *practice) {
		return domain.Patient{}, errs.Invalidf("practice", "Must be a practice in which you may write.")
	}
	return patient, s.limit.Insert(ctx, who.UserID, func(ctx context.Context) error {
		return s.tx.Do(ctx, func(ctx context.Context) error {
			if err := s.patients.Add(ctx, patient); err != nil {
				return err
			}
			entries := []audit.Entry{newEntry(audit.Create, patient.ID, patients.Owned)}
			if practice != nil {
				grant := patient.ShareWith(*practice, who.UserID, now)
				if err := s.grants.Put(ctx, grant); err != nil {
					return err
				}
				entries = append(entries, grantEntries(audit.Granted, grant)...)
			}
			return s.trail.Record(ctx, who, entries...)
		})
	})
}

// ShareWith shares a patient of the user with a practice, in which the user may write. It changes nothing if the two
// share the patient already. Errors: patients.ErrNotFound, patients.ErrKeeperOnly, identity.ErrPracticeNotFound.
func (s *Service) ShareWith(
	ctx context.Context, who auth.Principal, id patients.ID, practice identity.PracticeID,
) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		patient, err := s.patients.Hold(ctx, patients.KeptBy(who, s.clock.Now()), id)
		if err != nil {
			return err
		}
		if !mayShareWith(who, practice.UUID) {
			return identity.ErrPracticeNotFound
		}
		grant := patient.ShareWith(practice.UUID, who.UserID, s.clock.Now())
		if _, err := s.grants.Find(ctx, id, grant.SourceID); !errors.Is(err, patients.ErrNoGrant) {
			return err
		}
		if err := s.grants.Put(ctx, grant); err != nil {
			return err
		}
		entries := grantEntries(audit.Granted, grant)
		entries[0].Status = http.StatusNoContent
		return s.trail.Record(ctx, who, entries...)
	})
	return s.recordRefusal(ctx, who, id, err, patients.ErrKeeperOnly)
}

// mayShareWith reports whether the user may share patients with the practice.
func mayShareWith(who auth.Principal, practice uuid.UUID) bool {
	return slices.ContainsFunc(who.For, func(c auth.Capacity) bool {
		return c.Kind == auth.AsPractice && c.ID == practice && c.Level.Includes(patients.Write)
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
	var locked ports.Locked
	err := s.tx.Do(ctx, func(ctx context.Context) (err error) {
		if locked, err = s.lockKept(ctx, who, id); err != nil {
			return err
		}
		if err := expected.Check(locked.Version); err != nil {
			return err
		}
		if err := s.events.Publish(ctx, patients.Deleted{IDs: []patients.ID{id}, By: who}); err != nil {
			return err
		}
		if err := s.patients.Remove(ctx, patients.OwnedBy(locked.OwnerID), id); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, newEntry(audit.Delete, id, locked.Reason))
	})
	if err == nil {
		s.limit.Changed(locked.OwnerID, -1)
	}
	return s.recordRefusal(ctx, who, id, err, patients.ErrKeeperOnly)
}

// lockKept locks a patient whom the user keeps. Errors: patients.ErrNotFound.
func (s *Service) lockKept(ctx context.Context, who auth.Principal, id patients.ID) (ports.Locked, error) {
	return s.patients.Lock(ctx, patients.KeptBy(who, s.clock.Now()), id)
}

// readAsPatient returns the reason for which the user may read what concerns the patient and the user who keeps the
// patient only: as one of the two, or as a delegate. Errors: patients.ErrNotFound; forbidden for other users who may
// read the patient.
func (s *Service) readAsPatient(
	ctx context.Context, who auth.Principal, id patients.ID, forbidden error,
) (patients.Reason, error) {
	found, err := s.patients.Find(ctx, patients.VisibleTo(who, s.clock.Now()), id)
	if err != nil {
		return patients.Reason{}, err
	}
	return s.asPatient(ctx, who, id, found.Reason, forbidden)
}

// lockAsPatient is readAsPatient that locks the patient against changes and removal.
func (s *Service) lockAsPatient(
	ctx context.Context, who auth.Principal, id patients.ID, forbidden error,
) (locked ports.Locked, err error) {
	if locked, err = s.patients.Lock(ctx, patients.VisibleTo(who, s.clock.Now()), id); err != nil {
		return locked, err
	}
	locked.Reason, err = s.asPatient(ctx, who, id, locked.Reason, forbidden)
	return locked, err
}

// asPatient returns the reason of readAsPatient for a user who may read the patient for another reason. Errors:
// forbidden.
func (s *Service) asPatient(
	ctx context.Context, who auth.Principal, id patients.ID, reason patients.Reason, forbidden error,
) (patients.Reason, error) {
	if reason == patients.Owned || slices.Contains([]domain.Basis{domain.Self, domain.Delegate},
		domain.Basis(reason.Basis)) {
		return reason, nil
	}
	reason, err := s.representing(ctx, who, id, forbidden)
	if err == nil || !errors.Is(err, forbidden) {
		return reason, err
	}
	kept, err := s.patients.Find(ctx, patients.KeptBy(who, s.clock.Now()), id)
	if errors.Is(err, patients.ErrNotFound) {
		err = forbidden
	}
	return kept.Reason, err
}

// representing returns the reason for which the user represents the patient. Errors: forbidden for other users.
func (s *Service) representing(
	ctx context.Context, who auth.Principal, id patients.ID, forbidden error,
) (patients.Reason, error) {
	grant, err := s.grants.FindRepresenting(ctx, who.UserID, id, s.clock.Now())
	if errors.Is(err, patients.ErrNoGrant) {
		err = forbidden
	}
	if err != nil {
		return patients.Reason{}, err
	}
	return grant.Reason(), nil
}

// recordStranger is recordMissing that also records refusals of users who may read the patient.
func (s *Service) recordStranger(ctx context.Context, who auth.Principal, id patients.ID, err error) error {
	if errs.KindOf(err) == errs.Forbidden {
		return s.recordForbidden(ctx, who, id, err)
	}
	return s.recordMissing(ctx, who, id, err)
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
