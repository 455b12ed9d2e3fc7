package app

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
	"healthcare/platform/tx"
)

// NewUserData returns the identity.UserData of patients: identity removes a user's patients with the account.
func NewUserData(
	repository ports.Repository, grants ports.Grants, invitations ports.Invitations, restrictions ports.Restrictions,
	runner tx.Runner, publisher events.Publisher, trail audit.Recorder, clk clock.Clock, limit Limit,
) identity.UserData {
	return &userData{repository, grants, invitations, restrictions, runner, publisher, trail, clk, limit}
}

type userData struct {
	patients     ports.Repository
	grants       ports.Grants
	invitations  ports.Invitations
	restrictions ports.Restrictions
	tx           tx.Runner
	events       events.Publisher
	trail        audit.Recorder
	clock        clock.Clock
	limit        Limit
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
		if removed = len(ids); err != nil {
			return err
		}
		if removed < limit {
			if err := u.endGrants(ctx, who); err != nil || removed == 0 {
				return err
			}
		}
		if err := u.events.Publish(ctx, patients.Deleted{IDs: ids, By: who}); err != nil {
			return err
		}
		if err := u.patients.RemoveAll(ctx, scope, ids); err != nil {
			return err
		}
		entries := make([]audit.Entry, len(ids))
		for i, id := range ids {
			entries[i] = newEntry(audit.Delete, id, patients.Owned)
		}
		return u.trail.Record(ctx, who, entries...)
	})
	return removed, err
}

// endGrants ends what others have granted to the user, and the restrictions for the user.
func (u *userData) endGrants(ctx context.Context, who auth.Principal) error {
	if err := u.restrictions.RemoveOfParty(ctx, who.UserID); err != nil {
		return err
	}
	ended, err := u.grants.RemoveOfGrantee(ctx, who.UserID)
	if err != nil || len(ended) == 0 {
		return err
	}
	if err := u.invitations.RemoveAccepted(ctx, sourcesOf(ended)); err != nil {
		return err
	}
	return u.trail.Record(ctx, who, grantEntries(audit.Withdrawn, ended...)...)
}

// maxConflicts is the maximum number of conflicts that a transfer names.
const maxConflicts = 100

func (u *userData) Transfer(
	ctx context.Context, who auth.Principal, from, to identity.UserID, limit int,
) (done identity.Transfer, err error) {
	if limit == 0 {
		return u.remaining(ctx, from, to)
	}
	err = u.tx.Do(ctx, func(ctx context.Context) error {
		room, err := u.roomOf(ctx, to, limit)
		if err != nil {
			return err
		}
		moved, err := u.move(ctx, who, from, to, room)
		if err != nil {
			return err
		}
		if done, err = u.remaining(ctx, from, to); err != nil {
			return err
		}
		if done.Moved = len(moved); room == 0 && done.Left > 0 {
			return patients.ErrReceiverFull
		}
		entries := make([]audit.Entry, len(moved))
		for i, id := range moved {
			entries[i] = audit.NewEntry(audit.Transferred, audit.Patient, id.UUID)
			entries[i].Fields = []string{"owner"}
		}
		return u.trail.Record(ctx, who, entries...)
	})
	return done, err
}

// roomOf returns the number of patients that may be moved to the user, at most limit.
func (u *userData) roomOf(ctx context.Context, user identity.UserID, limit int) (int, error) {
	if u.limit.most == 0 {
		return limit, nil
	}
	owned, err := u.Count(ctx, user, u.limit.most)
	return min(limit, u.limit.most-owned), err
}

// move gives up to limit patients of from to the user to, and announces it. They are no longer hidden from the user to,
// who keeps them now.
func (u *userData) move(
	ctx context.Context, who auth.Principal, from, to identity.UserID, limit int,
) ([]patients.ID, error) {
	if limit == 0 {
		return nil, nil
	}
	moved, err := u.patients.Transfer(ctx, patients.OwnedBy(from.UUID), to.UUID, limit, u.clock.Now())
	if err != nil || len(moved) == 0 {
		return nil, err
	}
	u.patients.AfterCommit(ctx, func() {
		u.limit.Changed(from.UUID, -len(moved))
		u.limit.Changed(to.UUID, len(moved))
	})
	if _, err := u.restrictions.RemoveOfPatients(ctx, to.UUID, moved); err != nil {
		return nil, err
	}
	event := patients.Transferred{IDs: moved, From: from.UUID, To: to.UUID, By: who}
	return moved, u.events.Publish(ctx, event)
}

// remaining returns the state of a transfer after nothing was moved.
func (u *userData) remaining(ctx context.Context, from, to identity.UserID) (identity.Transfer, error) {
	left, err := u.patients.Transferable(ctx, patients.OwnedBy(from.UUID), to.UUID)
	if err != nil {
		return identity.Transfer{}, err
	}
	conflicts, err := u.patients.Conflicts(ctx, patients.OwnedBy(from.UUID), to.UUID, maxConflicts)
	return identity.Transfer{
		Left: left, Conflicts: audit.IDs(conflicts, func(id patients.ID) uuid.UUID { return id.UUID }),
	}, err
}
