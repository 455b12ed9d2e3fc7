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
	"healthcare/platform/clock"
	"healthcare/platform/events"
)

// Care keeps the grants to doctors and the care teams as the assignments have them. It reacts to events, in the
// transaction of the publisher. The removal of a patient removes both.
type Care struct {
	grants ports.Grants
	teams  ports.CareTeams
	clock  clock.Clock
}

// NewCare returns Care.
func NewCare(grants ports.Grants, teams ports.CareTeams, clk clock.Clock) *Care {
	return &Care{grants, teams, clk}
}

// WhenAssigned grants what new assignments grant.
func WhenAssigned(care *Care) events.Subscription {
	return events.On("patients", func(ctx context.Context, made assignments.Assigned) error {
		for _, link := range made.Links {
			if link.Access == assignments.None {
				continue
			}
			if err := care.grants.Put(ctx, grantOf(link, made.By.UserID, care.clock.Now())); err != nil {
				return err
			}
		}
		return care.teams.Put(ctx, made.Links)
	})
}

// WhenAccessChanged replaces the grant of an assignment.
func WhenAccessChanged(care *Care) events.Subscription {
	return events.On("patients", func(ctx context.Context, changed assignments.AccessChanged) error {
		if changed.Link.Access == assignments.None {
			return care.grants.RemoveBySources(ctx, domain.Care, []uuid.UUID{changed.Link.ID.UUID})
		}
		return care.grants.Put(ctx, grantOf(changed.Link, changed.By.UserID, care.clock.Now()))
	})
}

// WhenEnded ends the grants of assignments.
func WhenEnded(care *Care) events.Subscription {
	return events.On("patients", func(ctx context.Context, ended assignments.Ended) error {
		return care.end(ctx, ended.IDs)
	})
}

// WhenDoctorDeleted ends all grants to the doctor.
func WhenDoctorDeleted(care *Care) events.Subscription {
	return events.On("patients", func(ctx context.Context, deleted doctors.Deleted) error {
		if _, err := care.grants.RemoveOfGrantee(ctx, deleted.ID.UUID); err != nil {
			return err
		}
		return care.teams.RemoveOfDoctor(ctx, deleted.ID.UUID)
	})
}

// end ends the grants of assignments.
func (c *Care) end(ctx context.Context, ids []assignments.ID) error {
	sources := make([]uuid.UUID, len(ids))
	for i, id := range ids {
		sources[i] = id.UUID
	}
	if err := c.grants.RemoveBySources(ctx, domain.Care, sources); err != nil {
		return err
	}
	return c.teams.Remove(ctx, ids)
}

// grantOf returns the grant of an assignment that grants something.
func grantOf(link assignments.Link, by uuid.UUID, now time.Time) domain.Grant {
	return domain.Grant{
		PatientID: patients.ID{UUID: link.Patient}, GranteeID: link.Doctor, Basis: domain.Care, SourceID: link.ID.UUID,
		Level: patients.Level(link.Access), GrantedBy: by, GrantedAt: now,
	}
}
