package app

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
	"healthcare/platform/revision"
)

// Browse is a page of the users who pass the filter.
func (a *Accounts) Browse(ctx context.Context, filter domain.UserFilter, page paging.Request) (paging.Page[domain.User], error) {
	return a.users.List(ctx, filter, page)
}

// Find is one user. Errors: identity.ErrUserNotFound.
func (a *Accounts) Find(ctx context.Context, id identity.UserID) (domain.User, error) {
	user, err := a.users.Find(ctx, id)
	return user, orUnknown(err)
}

// FindByEmail returns the users of an address's mailbox, oldest first: more than one only where an older release let them register.
// Errors: identity.ErrUserNotFound.
func (a *Accounts) FindByEmail(ctx context.Context, email string) ([]domain.User, error) {
	if err := a.mailboxes.CatchUp(ctx); err != nil {
		return nil, err
	}
	users, err := a.users.FindAllByAddress(ctx, email)
	if err == nil && len(users) == 0 {
		err = identity.ErrUserNotFound
	}
	return users, err
}

// CheckRole reports whether a module declares the role. Errors: errs.Invalid.
func (a *Accounts) CheckRole(role auth.Role) error {
	if _, declared := a.roles[role]; !declared {
		return errs.Invalidf("role", "Must be one of %s.", a.roles)
	}
	return nil
}

// ResetPassword gives a user another password on behalf of an operator, and ends all their sessions.
// Errors: errs.Invalid, identity.ErrUserNotFound, errs.Unavailable when too many passwords are being hashed.
func (a *Accounts) ResetPassword(ctx context.Context, who auth.Principal, id identity.UserID, password string) (user domain.User, err error) {
	if user, err = a.Find(ctx, id); err != nil {
		return domain.User{}, err
	}
	hash, err := a.credentials.hash(ctx, ports.Caller{}, "password", password, user.Name, user.Email)
	if err != nil {
		return domain.User{}, err
	}
	err = a.tx.Do(ctx, func(ctx context.Context) error {
		user, err = a.users.Change(ctx, id, func(now *domain.User) error {
			now.ResetPassword(hash, a.clock.Now())
			return nil
		})
		if err != nil {
			return orUnknown(err)
		}
		if err := a.sessions.RemoveAllBut(ctx, id, identity.SessionID{}); err != nil {
			return err
		}
		return a.trail.Record(ctx, who, about(audit.PasswordChanged, userResource, id.UUID, http.StatusNoContent))
	})
	return user, err
}

func orUnknown(err error) error {
	if errors.Is(err, ports.ErrNotFound) {
		return identity.ErrUserNotFound
	}
	return err
}

// Administer changes what a user is and whether they may sign in. A user who is disabled loses all sessions at once.
// Errors: errs.Invalid, identity.ErrUserNotFound, identity.ErrLastAdministrator, revision.ErrStale, that of whoever declares the role.
func (a *Accounts) Administer(
	ctx context.Context, who auth.Principal, id identity.UserID, expected revision.Match, changes domain.Changes,
) (user domain.User, err error) {
	err = a.tx.Do(ctx, func(ctx context.Context) error {
		if changes.Role != nil {
			if err := a.mayBe(ctx, id, auth.Role(*changes.Role)); err != nil {
				return err
			}
		}
		if changes.Role != nil && *changes.Role != string(auth.Admin) || changes.Active != nil && !*changes.Active {
			if err := a.keepAnAdministrator(ctx, id); err != nil {
				return err
			}
		}
		if user, err = a.change(ctx, who, id, expected, changes); err != nil {
			return orUnknown(err)
		}
		if user.Active {
			return nil
		}
		return a.sessions.RemoveAllBut(ctx, id, identity.SessionID{})
	})
	return user, err
}

// keepAnAdministrator refuses to go on when the user is the last active administrator, and holds all of them until the transaction ends, so that
// two cannot go at once. Errors: identity.ErrLastAdministrator.
func (a *Accounts) keepAnAdministrator(ctx context.Context, going identity.UserID) error {
	all, err := a.users.HoldAll(ctx, string(auth.Admin))
	if err != nil {
		return err
	}
	if slices.Contains(all, going) && len(all) == 1 {
		return identity.ErrLastAdministrator
	}
	return nil
}
