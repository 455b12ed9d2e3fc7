package app

import (
	"context"

	"healthcare/modules/patients"
	"healthcare/platform/events"
)

// WhenPatientDeleted is subscribed, and on the map.
func WhenPatientDeleted() events.Subscription {
	return events.On("visits", func(context.Context, patients.Deleted) error { return nil })
}

// WhenPatientTransferred is subscribed, and not on the map.
func WhenPatientTransferred() events.Subscription {
	return events.On("visits", func(context.Context, patients.Transferred) error { return nil })
}

// WhenPatientClaimed is on the map, and not subscribed.
func WhenPatientClaimed() events.Subscription {
	return events.On("visits", func(context.Context, patients.Claimed) error { return nil })
}
