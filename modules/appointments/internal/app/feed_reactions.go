package app

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/events"
)

// WhenUnlinkedEndFeeds deletes the feeds of a doctor whose record is no longer linked to an account, also those that
// administrators created for the account's user, and records that.
func WhenUnlinkedEndFeeds(feeds ports.Feeds, trail audit.Recorder) events.Subscription {
	return events.On("appointments", func(ctx context.Context, unlinked doctors.Unlinked) error {
		ids, err := feeds.RemoveAllOfDoctor(ctx, unlinked.ID)
		return recordEnded(ctx, trail, unlinked.By, ids, err)
	})
}

// WhenDoctorDeletedEndFeeds deletes the feeds of a removed doctor, and records that.
func WhenDoctorDeletedEndFeeds(feeds ports.Feeds, trail audit.Recorder) events.Subscription {
	return events.On("appointments", func(ctx context.Context, deleted doctors.Deleted) error {
		ids, err := feeds.RemoveAllOfDoctor(ctx, deleted.ID)
		return recordEnded(ctx, trail, deleted.By, ids, err)
	})
}

// WhenAccountRemovedEndFeeds deletes the feeds that the user created, and records that.
func WhenAccountRemovedEndFeeds(feeds ports.Feeds, trail audit.Recorder) events.Subscription {
	return events.On("appointments", func(ctx context.Context, removed identity.Removed) error {
		ids, err := feeds.RemoveAllOfUser(ctx, removed.User.UUID)
		return recordEnded(ctx, trail, removed.By, ids, err)
	})
}

// recordEnded records the deletion of feeds, if any.
func recordEnded(ctx context.Context, trail audit.Recorder, by auth.Principal, ids []uuid.UUID, err error) error {
	if err != nil || len(ids) == 0 {
		return err
	}
	ended := audit.Entry{Action: audit.Delete, Resource: feedResource}
	return trail.Record(ctx, by, audit.NewListEntries(ended, ids)...)
}
