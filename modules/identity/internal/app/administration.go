package app

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
	"healthcare/platform/revision"
)

// Browse returns a page of the users that match the filter. Errors: none.
func (a *Accounts) Browse(
	ctx context.Context, filter domain.UserFilter, page paging.Request,
) (paging.Page[domain.User], error) {
	return a.users.List(ctx, filter, page)
}

// Find returns one user. Errors: identity.ErrUserNotFound.
func (a *Accounts) Find(ctx context.Context, id identity.UserID) (domain.User, error) {
	user, err := a.users.Find(ctx, id)
	return user, asUserNotFound(err)
}

// Account is a user, and for whom the user acts.
type Account struct {
	domain.User
	ActsFor []domain.Party // oldest first
}

// BrowseWithParties is Browse with WithParties. Errors: none.
func (a *Accounts) BrowseWithParties(
	ctx context.Context, filter domain.UserFilter, request paging.Request,
) (paging.Page[Account], error) {
	page, err := a.Browse(ctx, filter, request)
	if err != nil {
		return paging.Page[Account]{}, err
	}
	accounts, err := a.WithParties(ctx, page.Items...)
	return paging.Page[Account]{Items: accounts, Next: page.Next, Total: page.Total}, err
}

// WithParties adds for whom each of the users acts, in one query. Errors: none.
func (a *Accounts) WithParties(ctx context.Context, users ...domain.User) ([]Account, error) {
	ids := make([]identity.UserID, len(users))
	for i, user := range users {
		ids[i] = user.ID
	}
	parties, err := a.acting.ListFor(ctx, ids, a.clock.Now())
	if err != nil {
		return nil, err
	}
	all := make([]Account, len(users))
	for i, user := range users {
		all[i] = Account{user, parties[user.ID]}
	}
	return all, nil
}

// FindByEmail returns the users of an address's mailbox, oldest first. Only older releases let several users of one
// mailbox register. Errors: identity.ErrUserNotFound.
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

// CheckRole returns an error unless a module declares the role. Errors: errs.Invalid.
func (a *Accounts) CheckRole(role auth.Role) error {
	if _, declared := a.roles[role]; !declared {
		return errs.Invalidf("role", "Must be one of %s.", a.roles)
	}
	return nil
}

// ResetPassword sets a user's password for an operator, and ends all sessions of the user.
// Errors: errs.Invalid, identity.ErrUserNotFound, errs.Unavailable if too many passwords are being hashed.
func (a *Accounts) ResetPassword(
	ctx context.Context, who auth.Principal, id identity.UserID, password string,
) (user domain.User, err error) {
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
			return asUserNotFound(err)
		}
		if err := a.sessions.RemoveAllBut(ctx, id, identity.SessionID{}); err != nil {
			return err
		}
		if err := a.addresses.passwordChanged(ctx, who, user); err != nil {
			return err
		}
		return a.trail.Record(ctx, who, about(audit.PasswordChanged, userResource, id.UUID, http.StatusNoContent))
	})
	return user, err
}

// Verify marks the address of a user as verified, for an operator who knows that the user reads the mailbox. Tokens
// that verify it become invalid. Errors: identity.ErrUserNotFound.
func (a *Accounts) Verify(ctx context.Context, who auth.Principal, id identity.UserID) (user domain.User, err error) {
	err = a.tx.Do(ctx, func(ctx context.Context) error {
		user, err = a.users.Change(ctx, id, func(*domain.User) error { return nil }) // locks the account
		if err != nil {
			return err
		}
		_, before, err := a.verification.states.Find(ctx, id)
		if err != nil {
			return err
		}
		after := before.For(user.Email).Spend(identity.EmailVerification)
		if err := a.verification.states.Save(ctx, id, before, after); err != nil {
			return err
		}
		return a.trail.Record(ctx, who, verifiedEntry(id))
	})
	return user, asUserNotFound(err)
}

func asUserNotFound(err error) error {
	if errors.Is(err, ports.ErrNotFound) {
		return identity.ErrUserNotFound
	}
	return err
}

// Administer changes a user's role and whether the user may sign in. A user who is disabled loses all sessions at once.
// Errors: errs.Invalid, identity.ErrUserNotFound, identity.ErrLastAdministrator, identity.ErrRoleConflict,
// patients.ErrKeepsPatients, revision.ErrStale, the error of the role's Fits.
func (a *Accounts) Administer(
	ctx context.Context, who auth.Principal, id identity.UserID, expected revision.Match, changes domain.Changes,
) (user domain.User, err error) {
	err = a.tx.Do(ctx, func(ctx context.Context) error {
		if changes.Role != nil {
			if err := a.checkRoleFits(ctx, id, auth.Role(*changes.Role)); err != nil {
				return err
			}
			if err := a.checkKeepsNone(ctx, id, auth.Role(*changes.Role)); err != nil {
				return err
			}
		}
		if changes.Role != nil && *changes.Role != string(auth.Admin) || changes.Active != nil && !*changes.Active {
			if err := a.requireAnotherAdministrator(ctx, id); err != nil {
				return err
			}
		}
		if user, err = a.change(ctx, who, id, expected, changes); err != nil {
			return asUserNotFound(err)
		}
		if changes.Role != nil { // after the change, which locks the account against a claim at the same time
			if err := a.checkMayAct(ctx, id, auth.Role(*changes.Role)); err != nil {
				return err
			}
		}
		if user.Active {
			return nil
		}
		return a.sessions.RemoveAllBut(ctx, id, identity.SessionID{})
	})
	return user, err
}

// checkMayAct returns an error if the user acts for a doctor, a practice or a colleague, and could not with the role.
// Errors: identity.ErrRoleConflict.
func (a *Accounts) checkMayAct(ctx context.Context, user identity.UserID, role auth.Role) error {
	if role == doctors.Role || role == auth.Admin {
		return nil
	}
	held, err := a.acting.Of(ctx, user, a.clock.Now())
	conflicts := func(c auth.Capacity) bool {
		joined := c.Kind == auth.AsPractice || c.Kind == auth.AsDeputy
		return c.Kind == auth.AsDoctor || joined && !slices.Contains(keepers, role)
	}
	if err == nil && slices.ContainsFunc(held, conflicts) {
		err = identity.ErrRoleConflict
	}
	return err
}

// checkKeepsNone returns an error if the user keeps patients, and could not with the role. Errors:
// patients.ErrKeepsPatients.
func (a *Accounts) checkKeepsNone(ctx context.Context, user identity.UserID, role auth.Role) error {
	if slices.Contains(keepers, role) {
		return nil
	}
	kept, err := a.userData.Count(ctx, user, 1)
	if err == nil && kept > 0 {
		err = patients.ErrKeepsPatients
	}
	return err
}

// requireAnotherAdministrator returns an error if the user is the last active administrator. It locks all
// administrators until the transaction ends, so that two cannot leave at once. Errors: identity.ErrLastAdministrator.
func (a *Accounts) requireAnotherAdministrator(ctx context.Context, going identity.UserID) error {
	all, err := a.users.HoldAll(ctx, string(auth.Admin))
	if err != nil {
		return err
	}
	if slices.Contains(all, going) && len(all) == 1 {
		return identity.ErrLastAdministrator
	}
	return nil
}
