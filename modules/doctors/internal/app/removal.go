package app

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/jobs"
	"healthcare/platform/revision"
)

// maxAtOnce is the maximum number of assignments that Remove ends. A doctor with more assignments is removed by
// StartRemoval, as a job in the background.
const maxAtOnce = 1000

// Remove deletes a doctor whose version matches expected, and ends the assignments. Errors: doctors.ErrLinked,
// doctors.ErrCurated, doctors.ErrNotFound, revision.ErrStale, doctors.ErrOfOthers, doctors.ErrOfMany,
// doctors.ErrInRemoval, doctors.ErrReceives, those of the subscribers of doctors.Deleted.
func (s *Service) Remove(ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		version, err := s.doctors.Lock(ctx, id)
		if err != nil {
			return err
		}
		if err := s.mayChange(ctx, who, id); err != nil {
			return err
		}
		if err := expected.Check(version); err != nil {
			return err
		}
		if _, err := s.removalOf(ctx, id); err != nil {
			return err
		}
		if err := s.requireDeletable(ctx, who, id); err != nil {
			return err
		}
		return s.delete(ctx, who, id)
	})
	if err == nil {
		s.limit.Forget(who.UserID)
	}
	return s.recordForbidden(ctx, who, id, err)
}

// lock locks the doctor against changes, removal and new assignments. Errors: doctors.ErrNotFound, revision.ErrStale.
func (s *Service) lock(ctx context.Context, id doctors.ID, expected revision.Match) error {
	version, err := s.doctors.Lock(ctx, id)
	if err != nil {
		return err
	}
	return expected.Check(version)
}

// removalOf returns the removal of the doctor together with doctors.ErrInRemoval, or nil if no removal has begun.
// Errors: doctors.ErrReceives if the doctor receives the patients of another doctor.
func (s *Service) removalOf(ctx context.Context, id doctors.ID) (*domain.Removal, error) {
	removals, err := s.doctors.Removals(ctx, id)
	for _, removal := range removals {
		if removal.Doctor == id {
			return &removal, doctors.ErrInRemoval
		}
		err = doctors.ErrReceives
	}
	return nil, err
}

// requireDeletable returns an error if assignments forbid deleting the doctor, who is locked. Errors:
// doctors.ErrOfOthers, doctors.ErrOfMany.
func (s *Service) requireDeletable(ctx context.Context, who auth.Principal, id doctors.ID) error {
	owners, err := s.assignments.Owners(ctx, id, maxAtOnce+1)
	ofOthers := func(owner uuid.UUID) bool { return owner != who.UserID }
	switch {
	case err != nil:
		return err
	case s.mode != doctors.Open && slices.ContainsFunc(owners, ofOthers):
		return doctors.ErrOfOthers
	case len(owners) > maxAtOnce:
		return doctors.ErrOfMany
	}
	return nil
}

// delete deletes a locked doctor, publishes doctors.Unlinked and doctors.Deleted, and records the deletion and the end
// of the link.
func (s *Service) delete(ctx context.Context, who auth.Principal, id doctors.ID) error {
	if _, err := s.unlink(ctx, who, id); err != nil {
		return err
	}
	if err := s.events.Publish(ctx, doctors.Deleted{ID: id, By: who}); err != nil {
		return err
	}
	if err := s.doctors.Remove(ctx, id); err != nil {
		return err
	}
	return s.trail.Record(ctx, who, audit.NewEntry(audit.Delete, resource, id.UUID))
}

// StartRemoval begins the removal of a doctor whose version matches expected, even if patients of other users are
// assigned. New assignments of the doctor are rejected from then on. A job moves the existing assignments to the doctor
// reassignTo, or ends them if reassignTo is nil, and then deletes the doctor. Errors: auth.ErrForbidden unless who is
// an administrator, errs.Invalid, doctors.ErrNotFound, revision.ErrStale, doctors.ErrInRemoval, doctors.ErrReceives,
// those of the subscribers of doctors.Removing.
func (s *Service) StartRemoval(
	ctx context.Context, who auth.Principal, id doctors.ID, expected revision.Match, reassignTo *doctors.ID,
) (continued Continued, err error) {
	if who.Role != auth.Admin {
		return Continued{}, s.forbidden(ctx, who, id, auth.ErrForbidden)
	}
	if reassignTo != nil && *reassignTo == id {
		return Continued{}, errs.Invalidf("reassign_to", "This is the doctor to be removed.")
	}
	removal := domain.Removal{
		Doctor: id, ReassignTo: reassignTo, StartedAt: s.clock.Now(),
		UserID: who.UserID, SessionID: who.SessionID, Role: string(who.Role),
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.lockBoth(ctx, id, expected, reassignTo); err != nil {
			return err
		}
		if _, err := s.removalOf(ctx, id); err != nil {
			return err
		}
		if reassignTo != nil {
			if _, err := s.removalOf(ctx, *reassignTo); err != nil && !errors.Is(err, doctors.ErrReceives) {
				return err
			}
		}
		if err := s.events.Publish(ctx, doctors.Removing{ID: id, By: who}); err != nil {
			return err
		}
		if err := s.doctors.BeginRemoval(ctx, removal); err != nil {
			return err
		}
		total, err := s.assignments.Count(ctx, id)
		if err != nil {
			return err
		}
		continued.Total = int64(total)
		if continued.Job, err = s.jobs.Add(ctx, removalKind, removalJob{Doctor: id.UUID}, continued.Total); err != nil {
			return err
		}
		begun := audit.NewEntry(audit.Update, resource, id.UUID)
		begun.Status, begun.Fields = 202, []string{"removal"}
		return s.trail.Record(ctx, who, begun)
	})
	return continued, err
}

// removalKind is the kind of the jobs that continue removals.
const removalKind = "doctor_removal"

// removalJob holds the parameters of such a job.
type removalJob struct {
	Doctor uuid.UUID `json:"doctor"`
}

// Continued describes a removal that a job continues after the request.
type Continued struct {
	Job   uuid.UUID
	Total int64 // the number of assignments
}

// NewRemovals returns the jobs.Handler that continues removals.
func NewRemovals(service *Service) jobs.Handler {
	return jobs.Handler{Kind: removalKind, Batch: func(
		ctx context.Context, job jobs.Job, limit int,
	) (jobs.Progress, error) {
		var of removalJob
		if err := job.Decode(&of); err != nil {
			return jobs.Progress{}, err
		}
		ended, done, err := service.Continue(ctx, doctors.ID{UUID: of.Doctor}, limit)
		return jobs.Progress{Rows: int64(ended), More: !done}, err
	}}
}

// lockBoth locks the doctor and the doctor who receives the patients, in the order of their ids, to avoid deadlocks.
func (s *Service) lockBoth(ctx context.Context, id doctors.ID, expected revision.Match, reassignTo *doctors.ID) error {
	var unknown error
	other := func() error {
		if reassignTo == nil {
			return nil
		}
		_, err := s.doctors.Lock(ctx, *reassignTo)
		if errors.Is(err, doctors.ErrNotFound) {
			unknown, err = errs.Invalidf("reassign_to", "No such doctor."), nil
		}
		return err
	}
	before := reassignTo != nil && bytes.Compare(reassignTo.UUID[:], id.UUID[:]) < 0
	if before {
		if err := other(); err != nil {
			return err
		}
	}
	if err := s.lock(ctx, id, expected); err != nil {
		return err
	}
	if !before {
		if err := other(); err != nil {
			return err
		}
	}
	return unknown
}

// Continue ends or moves at most limit of the assignments of a doctor whose removal has begun, in one transaction, and
// deletes the doctor after the last assignment. It returns the number of ended assignments, and whether the removal is
// complete. Errors: none of its own.
func (s *Service) Continue(ctx context.Context, id doctors.ID, limit int) (ended int, done bool, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		ended, done = 0, true
		if _, err := s.doctors.Lock(ctx, id); err != nil {
			if errors.Is(err, doctors.ErrNotFound) {
				return nil
			}
			return err
		}
		removal, err := s.removalOf(ctx, id)
		if !errors.Is(err, doctors.ErrInRemoval) {
			return err
		}
		who := auth.Principal{UserID: removal.UserID, SessionID: removal.SessionID, Role: auth.Role(removal.Role)}
		if ended, err = s.assignments.Release(ctx, who, id, removal.ReassignTo, limit); err != nil {
			return err
		}
		if ended == limit {
			done = false
			return nil
		}
		return s.delete(ctx, who, id)
	})
	return ended, done, err
}
