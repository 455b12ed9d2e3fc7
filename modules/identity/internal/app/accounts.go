package app

import (
	"context"
	"errors"
	"net/http"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// Accounts is what users do with their own account, and administrators and operators with everybody's.
type Accounts struct {
	users       ports.Users
	sessions    ports.Sessions
	credentials *Credentials
	belongings  identity.Belongings
	roles       auth.Roles
	trail       audit.Recorder
	tx          tx.Runner
	clock       clock.Clock
	closed      bool
}

// NewAccounts wires the use cases.
func NewAccounts(
	cfg identity.Config, users ports.Users, sessions ports.Sessions, credentials *Credentials, belongings identity.Belongings, roles auth.Roles,
	trail audit.Recorder, tx tx.Runner, clock clock.Clock,
) *Accounts {
	return &Accounts{
		users: users, sessions: sessions, credentials: credentials, belongings: belongings, roles: roles, trail: trail, tx: tx, clock: clock,
		closed: cfg.RegistrationClosed,
	}
}

// usernameAttempts bounds the search for a free username; from the second on 32 random bits make a collision unlikely.
const usernameAttempts = 5

// Register makes an account for whoever asks. Errors: errs.Invalid, identity.ErrEmailTaken, identity.ErrRegistrationClosed, errs.Unavailable when
// too many passwords are being hashed.
func (a *Accounts) Register(ctx context.Context, said domain.Registration) (domain.User, error) {
	if a.closed {
		return domain.User{}, identity.ErrRegistrationClosed
	}
	return a.Add(ctx, auth.Principal{}, said, auth.Staff)
}

// Add makes an account of a role, on behalf of an administrator or an operator. Errors: as for Register, but open to them always.
func (a *Accounts) Add(ctx context.Context, who auth.Principal, said domain.Registration, role auth.Role) (domain.User, error) {
	if err := said.Validate(); err != nil {
		return domain.User{}, err
	}
	leave, err := a.credentials.passwords.Room()
	if err != nil {
		return domain.User{}, err
	}
	defer leave()
	_, err = a.users.FindByMailbox(ctx, domain.Mailbox(said.Email)) // before the expensive part; the store decides races
	if err == nil {
		return domain.User{}, identity.ErrEmailTaken
	}
	if !errors.Is(err, ports.ErrNotFound) {
		return domain.User{}, err
	}
	hash, err := a.credentials.hash(ctx, "password", said.Password, said.Name, said.Email)
	if err != nil {
		return domain.User{}, err
	}
	user := domain.NewUser(said, string(role), hash, a.clock.Now())
	if err := a.mayBe(ctx, user.ID, role); err != nil {
		return domain.User{}, err
	}
	for attempt := range usernameAttempts {
		user.Username = domain.UsernameCandidate(user.Email, attempt)
		err = a.tx.Do(ctx, func(ctx context.Context) error {
			if err := a.users.Add(ctx, user); err != nil {
				return err
			}
			return a.trail.Record(ctx, who, about(audit.Create, audit.User, user.ID.UUID, http.StatusCreated))
		})
		if !errors.Is(err, ports.ErrUsernameTaken) {
			break
		}
	}
	return user, err
}

// mayBe says whether a user may be given the role. Errors: errs.Invalid for one that nobody declares, that of whoever declares it.
func (a *Accounts) mayBe(ctx context.Context, user identity.UserID, role auth.Role) error {
	declared, known := a.roles[role]
	if !known {
		return errs.Invalidf("role", "Must be one of %s.", a.roles)
	}
	if declared.Fits == nil {
		return nil
	}
	return declared.Fits(ctx, user.UUID)
}

// Me is the user who asks. Errors: auth.ErrUnauthenticated when the account went this moment.
func (a *Accounts) Me(ctx context.Context, who auth.Principal) (domain.User, error) {
	user, err := a.users.Find(ctx, userOf(who))
	return user, orGone(err)
}

// Rename changes the user's own name. Errors: errs.Invalid, revision.ErrStale, auth.ErrUnauthenticated.
func (a *Accounts) Rename(ctx context.Context, who auth.Principal, expected revision.Match, name *string) (domain.User, error) {
	user, err := a.change(ctx, who, userOf(who), expected, domain.Changes{Name: name})
	return user, orGone(err)
}

// orGone is what a user is told whose account is no more.
func orGone(err error) error {
	if errors.Is(err, ports.ErrNotFound) {
		return auth.ErrUnauthenticated
	}
	return err
}

// change makes valid changes of a user who is at an expected version. Errors: errs.Invalid, revision.ErrStale, ports.ErrNotFound.
func (a *Accounts) change(
	ctx context.Context, who auth.Principal, id identity.UserID, expected revision.Match, changes domain.Changes,
) (changed domain.User, err error) {
	if err := changes.Validate(); err != nil {
		return domain.User{}, err
	}
	err = a.tx.Do(ctx, func(ctx context.Context) error {
		var before domain.User
		changed, err = a.users.Change(ctx, id, func(user *domain.User) error {
			before = *user
			if err := expected.Check(user.Version); err != nil {
				return err
			}
			user.Amend(changes, a.clock.Now())
			return nil
		})
		if err != nil {
			return err
		}
		entry := about(audit.Update, audit.User, id.UUID, http.StatusOK)
		entry.Fields = differences(before, changed)
		if before.Role != changed.Role {
			entry.Action = audit.RoleChanged
		}
		return a.trail.Record(ctx, who, entry)
	})
	return changed, err
}

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
	hash, err := a.credentials.hash(ctx, "new_password", said.New, user.Name, user.Email)
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
	_, proved, err := a.credentials.prove(ctx, domain.Mailbox(user.Email), password, from.Address,
		func(context.Context) (domain.User, error) { return user, nil })
	if err == nil && !proved.right {
		err = wrong(field)
	}
	if err != nil {
		return domain.User{}, a.credentials.failed(ctx, who, user.ID, err)
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
		if err := a.leave(ctx, user, expected, withPatients); err != nil {
			return orGone(err)
		}
		return a.trail.Record(ctx, who, about(audit.Delete, audit.User, user.ID.UUID, http.StatusNoContent))
	})
}

func (a *Accounts) leave(ctx context.Context, user domain.User, expected revision.Match, withPatients bool) error {
	if err := a.keepAnAdministrator(ctx, user.ID); err != nil {
		return err
	}
	_, err := a.users.Change(ctx, user.ID, func(now *domain.User) error { return expected.Check(now.Version) }) // held from here on
	if err != nil {
		return err
	}
	if withPatients {
		err = a.belongings.Discard(ctx, user.ID)
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
