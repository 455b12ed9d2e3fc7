package app

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
)

// aged is published in the transaction that changes the birth date or the age of a patient.
type aged struct {
	id            patients.ID
	before, after domain.Details
	by            auth.Principal
}

// WhenAged sets the end of the grants of the patient's delegates, or ends those of a child who turns out to be an
// adult.
func WhenAged(
	invitations ports.Invitations, grants ports.Grants, trail audit.Recorder, clk clock.Clock, zone *time.Location,
) events.Subscription {
	return events.On("patients", func(ctx context.Context, changed aged) error {
		all, err := invitations.OfPatient(ctx, changed.id)
		if err != nil {
			return err
		}
		now := clk.Now()
		var ended, limited []domain.Grant
		for _, i := range all {
			if i.As != domain.Delegate || i.State(now) != domain.InvitationAccepted {
				continue
			}
			switch after := i.Aged(changed.before, changed.after, now, zone); {
			case after.EndsAt.Equal(i.EndsAt):
			case after.State(now) == domain.InvitationAccepted:
				if err := invitations.SetEnd(ctx, after); err != nil {
					return err
				}
				if err := grants.Put(ctx, after.Grant()); err != nil {
					return err
				}
				limited = append(limited, after.Grant())
			default:
				if err := grants.Remove(ctx, i.Grant()); err != nil {
					return err
				}
				if err := invitations.RemoveAccepted(ctx, []uuid.UUID{i.ID.UUID}); err != nil {
					return err
				}
				ended = append(ended, i.Grant())
			}
		}
		entries := append(grantEntries(audit.Granted, limited...), grantEntries(audit.Withdrawn, ended...)...)
		if len(entries) == 0 {
			return nil
		}
		return trail.Record(ctx, changed.by, entries...)
	})
}
