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

// NewBelongings tells identity of a user's patients, and removes them when the user goes.
func NewBelongings(repository ports.Repository, tx tx.Runner, events events.Publisher, trail audit.Recorder) identity.Belongings {
	return &belongings{repository, tx, events, trail}
}

type belongings struct {
	patients ports.Repository
	tx       tx.Runner
	events   events.Publisher
	trail    audit.Recorder
}

// atOnce is how many patients one statement removes, and one event names.
const atOnce = 1000

func (b *belongings) Any(ctx context.Context, user identity.UserID) (bool, error) {
	ids, err := b.patients.HoldSome(ctx, patients.OwnedBy(user.UUID), 1)
	return len(ids) > 0, err
}

func (b *belongings) Discard(ctx context.Context, user identity.UserID, session identity.SessionID, role string) error {
	scope := patients.OwnedBy(user.UUID)
	who := auth.Principal{UserID: user.UUID, SessionID: session.UUID, Role: auth.Role(role)}
	return b.tx.Do(ctx, func(ctx context.Context) error {
		for {
			ids, err := b.patients.HoldSome(ctx, scope, atOnce)
			if err != nil || len(ids) == 0 {
				return err
			}
			if err := b.events.Publish(ctx, patients.Deleted{IDs: ids, By: who}); err != nil {
				return err
			}
			if err := b.patients.RemoveAll(ctx, scope, ids); err != nil {
				return err
			}
			entries := make([]audit.Entry, len(ids))
			for i, id := range ids {
				entries[i] = event(audit.Delete, id)
			}
			if err := b.trail.Record(ctx, who, entries...); err != nil {
				return err
			}
		}
	})
}
