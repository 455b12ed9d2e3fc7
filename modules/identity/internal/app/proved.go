package app

import (
	"context"
	"net/http"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

// What a signed-in user does only with the password, said once more.

// ChangePassword replaces the user's password and ends all their other sessions.
// Errors: errs.Invalid, also for a wrong current password; errs.Throttled; errs.Unavailable when too many passwords are being hashed.
func (a *Accounts) ChangePassword(ctx context.Context, who auth.Principal, said domain.PasswordChange, from From) error {
	if err := said.Validate(); err != nil {
		return err
	}
	user, err := a.prove(ctx, who, "current_password", said.Current, from)
	if err != nil {
		return err
	}
	hash, err := a.credentials.hash(ctx, callerOf(who, from.Address), "new_password", said.New, user.Name, user.Email)
	if err != nil {
		return err
	}
	return a.tx.Do(ctx, func(ctx context.Context) error {
		_, err := a.users.Change(ctx, user.ID, func(now *domain.User) error {
			if now.PasswordHash != user.PasswordHash {
				return wrong("current_password") // by now: somebody else has changed it
			}
			now.SetPassword(hash, a.clock.Now())
			return nil
		})
		if err != nil {
			return orGone(err)
		}
		if err := a.sessions.RemoveAllBut(ctx, user.ID, sessionOf(who)); err != nil {
			return err
		}
		return a.trail.Record(ctx, who, about(audit.PasswordChanged, audit.User, user.ID.UUID, http.StatusNoContent))
	})
}

// prove has the signed-in user say their password once more. field is how the client calls it.
func (a *Accounts) prove(ctx context.Context, who auth.Principal, field, password string, from From) (domain.User, error) {
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
		return domain.User{}, a.credentials.failed(ctx, who, user.ID, from.Address, err)
	}
	return user, a.credentials.succeeded(ctx, proved)
}

func wrong(field string) error { return errs.Invalidf(field, "Is not your password.") }

// Leave removes the user who asks, their sessions and, where they say so, their patients.
// Errors: errs.Invalid for a wrong password, errs.Throttled, identity.ErrOwnsPatients, identity.ErrLastAdministrator, revision.ErrStale.
func (a *Accounts) Leave(
	ctx context.Context, who auth.Principal, expected revision.Match, password string, withPatients bool, from From,
) error {
	user, err := a.prove(ctx, who, "password", password, from)
	if err != nil {
		return err
	}
	return a.tx.Do(ctx, func(ctx context.Context) error {
		if err := a.leave(ctx, who, user, expected, withPatients); err != nil {
			return orGone(err)
		}
		return a.trail.Record(ctx, who, about(audit.Delete, audit.User, user.ID.UUID, http.StatusNoContent))
	})
}

func (a *Accounts) leave(ctx context.Context, who auth.Principal, user domain.User, expected revision.Match, withPatients bool) error {
	if err := a.keepAnAdministrator(ctx, user.ID); err != nil {
		return err
	}
	_, err := a.users.Change(ctx, user.ID, func(now *domain.User) error { return expected.Check(now.Version) }) // held from here on
	if err != nil {
		return err
	}
	if withPatients {
		err = a.belongings.Discard(ctx, user.ID, sessionOf(who), string(who.Role))
	} else {
		var any bool
		if any, err = a.belongings.Any(ctx, user.ID); any {
			return identity.ErrOwnsPatients
		}
	}
	if err != nil {
		return err
	}
	if err := a.sessions.RemoveAllBut(ctx, user.ID, identity.SessionID{}); err != nil {
		return err
	}
	return a.users.Remove(ctx, user.ID)
}
