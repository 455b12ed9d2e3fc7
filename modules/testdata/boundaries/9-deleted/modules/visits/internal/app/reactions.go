package app

import (
	"context"

	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/events"
)

// WhenPatientDeleted is subscribed.
func WhenPatientDeleted() events.Subscription {
	return events.On("visits", func(context.Context, patients.Deleted) error { return nil })
}

// WhenDoctorDeleted is not.
func WhenDoctorDeleted() events.Subscription {
	return events.On("visits", func(context.Context, doctors.Deleted) error { return nil })
}
