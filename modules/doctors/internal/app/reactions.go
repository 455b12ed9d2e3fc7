package app

import (
	"context"

	"healthcare/modules/doctors/internal/ports"
	"healthcare/modules/identity"
	"healthcare/platform/audit"
	"healthcare/platform/events"
)

// WhenAccountRemoved ends the link of the account, if any, and records that.
func WhenAccountRemoved(repository ports.Repository, trail audit.Recorder) events.Subscription {
	return events.On("doctors", func(ctx context.Context, removed identity.Removed) error {
		ended, err := repository.UnlinkUser(ctx, removed.User.UUID)
		if err != nil || ended == nil {
			return err
		}
		return trail.Record(ctx, removed.By, audit.NewEntry(audit.Unlinked, resource, ended.Doctor.UUID))
	})
}
