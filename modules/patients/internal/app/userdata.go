package app

import (
	"context"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/events"
	"healthcare/platform/tx"
)

// NewUserData returns the identity.UserData of patients: identity removes a user's patients with the account.
func NewUserData(
	repository ports.Repository, runner tx.Runner, publisher events.Publisher, trail audit.Recorder,
) identity.UserData {
	return &userData{repository, runner, publisher, trail}
}

type userData struct {
	patients ports.Repository
	tx       tx.Runner
	events   events.Publisher
	trail    audit.Recorder
}

func (u *userData) Count(ctx context.Context, user identity.UserID, limit int) (int, error) {
	return u.patients.Count(ctx, patients.OwnedBy(user.UUID), limit)
}

func (u *userData) DeleteAll(
	ctx context.Context, user identity.UserID, session identity.SessionID, role string, limit int,
) (removed int, err error) {
	scope := patients.OwnedBy(user.UUID)
	who := auth.Principal{UserID: user.UUID, SessionID: session.UUID, Role: auth.Role(role)}
	err = u.tx.Do(ctx, func(ctx context.Context) error {
		ids, err := u.patients.LockSome(ctx, scope, limit)
		removed = len(ids)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := u.events.Publish(ctx, patients.Deleted{IDs: ids, By: who}); err != nil {
			return err
		}
		if err := u.patients.RemoveAll(ctx, scope, ids); err != nil {
			return err
		}
		entries := make([]audit.Entry, len(ids))
		for i, id := range ids {
			entries[i] = audit.NewEntry(audit.Delete, audit.Patient, id.UUID)
		}
		return u.trail.Record(ctx, who, entries...)
	})
	return removed, err
}
