package app

import (
	"context"

	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/events"
)

// WhenPatientDeleted ends the assignments of removed patients, in the same transaction. It records nothing, because the
// audit entries of the patients imply the end of their assignments.
func WhenPatientDeleted(assignments ports.Repository, limit Limit) events.Subscription {
	return events.On("assignments", func(ctx context.Context, deleted patients.Deleted) error {
		ended, err := assignments.RemoveAllOfPatients(ctx, deleted.IDs)
		if err != nil {
			return err
		}
		// By is the owner of the patients.
		assignments.AfterCommit(ctx, func() { limit.Changed(deleted.By.UserID, -ended) })
		return nil
	})
}

// WhenPatientTransferred stores the new owner in the assignments of transferred patients, in the same transaction.
func WhenPatientTransferred(assignments ports.Repository, limit Limit) events.Subscription {
	return events.On("assignments", func(ctx context.Context, transferred patients.Transferred) error {
		changed, err := assignments.SetOwner(ctx, transferred.IDs, transferred.To)
		if err != nil {
			return err
		}
		assignments.AfterCommit(ctx, func() {
			limit.Changed(transferred.From, -changed)
			limit.Changed(transferred.To, changed)
		})
		return nil
	})
}

// releasedAtOnce is the maximum number of assignments that one call of Release ends.
const releasedAtOnce = 1000

// WhenDoctorDeleted ends the assignments of a removed doctor, in the same transaction, and names the patients in the
// audit trail.
func WhenDoctorDeleted(releaser *Releaser) events.Subscription {
	return events.On("assignments", func(ctx context.Context, deleted doctors.Deleted) error {
		for {
			released, _, _, err := releaser.release(ctx, deleted.By, deleted.ID, nil, releasedAtOnce)
			if err != nil || released < releasedAtOnce {
				return err
			}
		}
	})
}
