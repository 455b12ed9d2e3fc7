package app

import (
	"context"

	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/events"
)

// WhenPatientDeleted ends the assignments of patients who go, in the same transaction.
func WhenPatientDeleted(assignments ports.Repository) events.Subscription {
	return events.On("assignments", func(ctx context.Context, gone patients.Deleted) error {
		return assignments.RemoveAllOfPatients(ctx, gone.IDs)
	})
}

// WhenDoctorDeleted ends the assignments of a doctor who goes, in the same transaction.
func WhenDoctorDeleted(assignments ports.Repository) events.Subscription {
	return events.On("assignments", func(ctx context.Context, gone doctors.Deleted) error {
		return assignments.RemoveAllOfDoctor(ctx, gone.ID)
	})
}
