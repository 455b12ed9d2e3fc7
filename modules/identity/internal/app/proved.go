package app

import (
	"context"
	"net/http"
	"net/netip"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

// ChangePassword replaces the user's password and ends all other sessions of the user. Errors: errs.Invalid, also for a
// wrong current password; errs.Throttled; errs.Unavailable if too many passwords are being hashed.
func (a *Accounts) ChangePassword(
	ctx context.Context, who auth.Principal, change domain.PasswordChange, from From,
) error {
	if err := change.Validate(); err != nil {
		return err
	}
	user, err := a.prove(ctx, who, "current_password", change.Current, from)
	if err != nil {
		return err
	}
	hash, err := a.credentials.hash(ctx, callerOf(who, from.Address), "new_password", change.New, user.Name, user.Email)
	if err != nil {
		return err
	}
	return a.tx.Do(ctx, func(ctx context.Context) error {
		_, err := a.users.Change(ctx, user.ID, func(now *domain.User) error {
			if now.PasswordHash != user.PasswordHash {
				return wrong("current_password") // it was changed in the meantime
			}
			now.SetPassword(hash, a.clock.Now())
			return nil
		})
		if err != nil {
			return asInvalidToken(err)
		}
		if err := a.sessions.RemoveAllBut(ctx, user.ID, sessionOf(who)); err != nil {
			return err
		}
		if err := a.addresses.passwordChanged(ctx, who, user); err != nil {
			return err
		}
		return a.trail.Record(ctx, who, about(audit.PasswordChanged, userResource, user.ID.UUID, http.StatusNoContent))
	})
}

// Reauthenticate implements identity.Reauthenticator.
func (a *Accounts) Reauthenticate(ctx context.Context, who auth.Principal, password string, from netip.Addr) error {
	_, err := a.prove(ctx, who, "password", password, From{Address: from})
	return err
}

// prove verifies the password of a user who is signed in. field is the password's name in the request.
func (a *Accounts) prove(
	ctx context.Context, who auth.Principal, field, password string, from From,
) (domain.User, error) {
	user, err := a.Me(ctx, who)
	if err != nil {
		return domain.User{}, err
	}
	_, proved, err := a.credentials.prove(ctx, who, domain.Mailbox(user.Email), password, from.Address,
		func(context.Context) (domain.User, error) { return user, nil })
	if err == nil && !proved.right {
		err = wrong(field)
	}
	if err != nil {
		return domain.User{}, a.credentials.failed(ctx, who, proved.attempt, err)
	}
	_, err = a.credentials.succeeded(ctx, proved)
	return user, err
}

func wrong(field string) error { return errs.Invalidf(field, "Is not your password.") }

// Leave removes the user's account and sessions, and with withPatients their patients. If there is much data, the
// account is closed at once and the job that Leave returns removes the data; the job is nil if nothing is left to do.
// Errors: errs.Invalid for a wrong password, errs.Throttled, identity.ErrOwnsPatients, identity.ErrLastAdministrator,
// identity.ErrLastManager, revision.ErrStale.
func (a *Accounts) Leave(
	ctx context.Context, who auth.Principal, expected revision.Match, password string, withPatients bool, from From,
) (continued *Continued, err error) {
	user, err := a.prove(ctx, who, "password", password, from)
	if err != nil {
		return nil, err
	}
	err = a.tx.Do(ctx, func(ctx context.Context) error {
		if continued, err = a.leave(ctx, who, user, expected, withPatients); err != nil {
			return asInvalidToken(err)
		}
		status := http.StatusNoContent
		if continued != nil {
			status = http.StatusAccepted
		}
		return a.trail.Record(ctx, who, about(audit.Delete, userResource, user.ID.UUID, status))
	})
	return continued, err
}

func (a *Accounts) leave(
	ctx context.Context, who auth.Principal, user domain.User, expected revision.Match, withPatients bool,
) (*Continued, error) {
	if err := a.requireAnotherAdministrator(ctx, user.ID); err != nil {
		return nil, err
	}
	_, err := a.users.Change(ctx, user.ID, func(now *domain.User) error { // locks the user
		if now.PasswordHash == domain.NoPassword {
			return ports.ErrNotFound // closed while this request waited for the lock
		}
		return expected.Check(now.Version)
	})
	if err != nil {
		return nil, err
	}
	owned, err := a.userData.Count(ctx, user.ID, removedAtOnce+1)
	if err != nil {
		return nil, err
	}
	if owned > 0 && !withPatients {
		return nil, identity.ErrOwnsPatients
	}
	managed, err := a.practices.LockManaged(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	for _, members := range managed {
		if err := members.CheckWithout(user.ID); err != nil {
			return nil, err
		}
	}
	if err := a.sessions.RemoveAllBut(ctx, user.ID, identity.SessionID{}); err != nil {
		return nil, err
	}
	if err := a.events.Publish(ctx, identity.Removed{User: user.ID, By: who}); err != nil {
		return nil, err
	}
	ended, err := a.acting.RemoveAll(ctx, user.ID)
	if err == nil && len(ended) > 0 {
		err = a.trail.Record(ctx, who, unlinked(ended...)...)
	}
	if err != nil {
		return nil, err
	}
	deleted, err := a.responses.DeleteByUser(ctx, user.ID.UUID, removedAtOnce)
	if err != nil {
		return nil, err
	}
	if owned > removedAtOnce || deleted == removedAtOnce {
		return a.close(ctx, who, user.ID)
	}
	_, err = a.userData.DeleteAll(ctx, user.ID, sessionOf(who), string(who.Role), removedAtOnce+1)
	if err != nil {
		return nil, err
	}
	return nil, a.users.Remove(ctx, user.ID)
}
