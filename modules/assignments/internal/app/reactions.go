package app

import (
	"context"

	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/events"
)

// WhenPatientDeleted ends the assignments of patients who go, in the same transaction. The patients' own entries in the
// audit trail stand for it.
func WhenPatientDeleted(assignments ports.Repository, limit Limit) events.Subscription {
	return events.On("assignments", func(ctx context.Context, gone patients.Deleted) error {
		ended, err := assignments.RemoveAllOfPatients(ctx, gone.IDs)
		limit.Changed(gone.By.UserID, -ended) // whose patients they are
		return err
	})
}

// atOnce is how many assignments a statement ends.
const atOnce = 1000

// WhenDoctorDeleted ends the assignments of a doctor who goes, in the same transaction, and names the patients in the
// audit trail.
func WhenDoctorDeleted(released doctors.Assignments) events.Subscription {
	return events.On("assignments", func(ctx context.Context, gone doctors.Deleted) error {
		for {
			ended, err := released.Release(ctx, gone.By, gone.ID, nil, atOnce)
			if err != nil || ended < atOnce {
				return err
			}
		}
	})
}
