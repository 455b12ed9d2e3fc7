package app

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
)

// Care keeps the grants to doctors and the care teams as the assignments have them. It reacts to events, in the
// transaction of the publisher. The removal of a patient removes both.
type Care struct {
	grants       ports.Grants
	teams        ports.CareTeams
	restrictions ports.Restrictions
	trail        audit.Recorder
	clock        clock.Clock
}

// NewCare returns Care.
func NewCare(
	grants ports.Grants, teams ports.CareTeams, restrictions ports.Restrictions, trail audit.Recorder, clk clock.Clock,
) *Care {
	return &Care{grants, teams, restrictions, trail, clk}
}

// WhenAssigned grants what new assignments grant.
func WhenAssigned(care *Care) events.Subscription {
	return events.On("patients", func(ctx context.Context, made assignments.Assigned) error {
		if err := care.teams.Put(ctx, made.Links); err != nil {
			return err
		}
		var granted []domain.Grant
		for _, link := range made.Links {
			if link.Access != assignments.None {
				granted = append(granted, grantOf(link, made.By.UserID, care.clock.Now()))
			}
		}
		return care.grant(ctx, made.By, granted...)
	})
}

// WhenAccessChanged replaces the grant of an assignment.
func WhenAccessChanged(care *Care) events.Subscription {
	return events.On("patients", func(ctx context.Context, changed assignments.AccessChanged) error {
		if changed.Link.Access == assignments.None {
			return care.withdraw(ctx, changed.By, []uuid.UUID{changed.Link.ID.UUID})
		}
		return care.grant(ctx, changed.By, grantOf(changed.Link, changed.By.UserID, care.clock.Now()))
	})
}

// WhenEnded ends the grants of assignments.
func WhenEnded(care *Care) events.Subscription {
	return events.On("patients", func(ctx context.Context, ended assignments.Ended) error {
		sources := audit.IDs(ended.IDs, func(id assignments.ID) uuid.UUID { return id.UUID })
		if err := care.teams.Remove(ctx, ended.IDs); err != nil {
			return err
		}
		return care.withdraw(ctx, ended.By, sources)
	})
}

// WhenDoctorDeleted ends all grants to the doctor, and the restrictions.
func WhenDoctorDeleted(care *Care) events.Subscription {
	return events.On("patients", func(ctx context.Context, deleted doctors.Deleted) error {
		ended, err := care.grants.RemoveOfGrantee(ctx, deleted.ID.UUID)
		if err != nil {
			return err
		}
		if err := care.teams.RemoveOfDoctor(ctx, deleted.ID.UUID); err != nil {
			return err
		}
		if err := care.restrictions.RemoveOfParty(ctx, deleted.ID.UUID); err != nil {
			return err
		}
		return care.record(ctx, deleted.By, grantEntries(audit.Withdrawn, ended...))
	})
}

// WhenDeleted ends all grants of removed patients.
func WhenDeleted(care *Care) events.Subscription {
	return events.On("patients", func(ctx context.Context, deleted patients.Deleted) error {
		ended, err := care.grants.RemoveOfPatients(ctx, deleted.IDs)
		if err != nil {
			return err
		}
		return care.record(ctx, deleted.By, grantEntries(audit.Withdrawn, ended...))
	})
}

// grant stores and records grants.
func (c *Care) grant(ctx context.Context, by auth.Principal, granted ...domain.Grant) error {
	for _, grant := range granted {
		if err := c.grants.Put(ctx, grant); err != nil {
			return err
		}
	}
	return c.record(ctx, by, grantEntries(audit.Granted, granted...))
}

// withdraw ends the grants of assignments and records that.
func (c *Care) withdraw(ctx context.Context, by auth.Principal, sources []uuid.UUID) error {
	ended, err := c.grants.RemoveBySources(ctx, ofCare, sources)
	if err != nil {
		return err
	}
	return c.record(ctx, by, grantEntries(audit.Withdrawn, ended...))
}

// ofCare are the bases of grants whose sources are assignments.
var ofCare = []domain.Basis{domain.Care}

// record appends entries to the trail, if there are any.
func (c *Care) record(ctx context.Context, by auth.Principal, entries []audit.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if by.SessionID == uuid.Nil { // a command or the comparison at the start
		entries = ofNoRequest(entries)
	}
	return c.trail.Record(ctx, by, entries...)
}

// grantOf returns the grant of an assignment that grants something.
func grantOf(link assignments.Link, by uuid.UUID, now time.Time) domain.Grant {
	return domain.Grant{
		PatientID: patients.ID{UUID: link.Patient}, GranteeID: link.Doctor, Basis: domain.Care, SourceID: link.ID.UUID,
		Level: patients.Level(link.Access), GrantedBy: by, GrantedAt: now,
	}
}
