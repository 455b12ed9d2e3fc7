package app

import (
	"context"
	"errors"
	"net/http"
	"net/netip"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/jobs"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// Accounts is what users do with their own account, and administrators and operators with everybody's.
type Accounts struct {
	users         ports.Users
	mailboxes     ports.Mailboxes
	sessions      ports.Sessions
	credentials   *Credentials
	registrations ports.Registrations
	userData      identity.UserData
	answers       ports.KeptAnswers
	jobs          *jobs.Queue
	roles         auth.Roles
	trail         audit.Recorder
	tx            tx.Runner
	clock         clock.Clock
	closed        bool
}

// NewAccounts wires the use cases.
func NewAccounts(
	cfg identity.Config, users ports.Users, mailboxes ports.Mailboxes, sessions ports.Sessions, credentials *Credentials,
	registrations ports.Registrations, userData identity.UserData, answers ports.KeptAnswers, queue *jobs.Queue,
	roles auth.Roles, trail audit.Recorder, tx tx.Runner, clock clock.Clock,
) *Accounts {
	return &Accounts{
		users: users, mailboxes: mailboxes, sessions: sessions, credentials: credentials, registrations: registrations,
		userData: userData, answers: answers, jobs: queue, roles: roles, trail: trail, tx: tx, clock: clock,
		closed: cfg.RegistrationClosed,
	}
}

// usernameAttempts bounds the search for a free username; from the second on 32 random bits make a collision unlikely.
const usernameAttempts = 5

// Register makes an account for whoever asks. Errors: errs.Invalid, identity.ErrEmailTaken,
// identity.ErrRegistrationClosed, domain.ErrTooManyRegistrations, errs.Unavailable when too many passwords are being
// hashed.
func (a *Accounts) Register(ctx context.Context, said domain.Registration) (domain.User, error) {
	if a.closed {
		return domain.User{}, identity.ErrRegistrationClosed
	}
	return a.add(ctx, auth.Principal{}, said, auth.Staff, a.registrations)
}

// Add makes an account of a role, on behalf of an administrator or an operator. It is not counted.
// Errors: as for Register, but open to them always.
func (a *Accounts) Add(ctx context.Context, who auth.Principal, said domain.Registration, role auth.Role) (domain.User, error) {
	return a.add(ctx, who, said, role, uncounted{})
}

// uncounted is ports.Registrations without a limit.
type uncounted struct{}

func (uncounted) Check(context.Context, netip.Addr) error { return nil }
func (uncounted) Count(context.Context, netip.Addr) error { return nil }

func (a *Accounts) add(
	ctx context.Context, who auth.Principal, said domain.Registration, role auth.Role, registrations ports.Registrations,
) (domain.User, error) {
	if err := said.Validate(); err != nil {
		return domain.User{}, err
	}
	client := audit.RequestOf(ctx).Address
	by := callerOf(who, client)
	err := a.credentials.lookUp(ctx, by, func() error { // before the expensive part; the store decides races
		if err := a.mailboxes.CatchUp(ctx); err != nil {
			return err
		}
		_, err := a.users.FindByAddress(ctx, said.Email)
		if err == nil {
			return identity.ErrEmailTaken
		}
		if !errors.Is(err, ports.ErrNotFound) {
			return err
		}
		return registrations.Check(ctx, client)
	})
	if err != nil {
		return domain.User{}, err
	}
	hash, err := a.credentials.hash(ctx, by, "password", said.Password, said.Name, said.Email)
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
			if err := registrations.Count(ctx, client); err != nil {
				return err
			}
			return a.trail.Record(ctx, who, about(audit.Create, userResource, user.ID.UUID, http.StatusCreated))
		})
		if !errors.Is(err, ports.ErrUsernameTaken) {
			break
		}
	}
	return user, err
}

// mayBe says whether a user may be given the role. Errors: errs.Invalid for one that nobody declares, that of whoever declares it.
func (a *Accounts) mayBe(ctx context.Context, user identity.UserID, role auth.Role) error {
	if err := a.CheckRole(role); err != nil {
		return err
	}
	if fits := a.roles[role].Fits; fits != nil {
		return fits(ctx, user.UUID)
	}
	return nil
}

// Me is the user who asks. Errors: auth.ErrInvalidToken when the account went this moment.
func (a *Accounts) Me(ctx context.Context, who auth.Principal) (domain.User, error) {
	user, err := a.users.Find(ctx, userOf(who))
	return user, orGone(err)
}

// Rename changes the user's own name. Errors: errs.Invalid, revision.ErrStale, auth.ErrInvalidToken.
func (a *Accounts) Rename(ctx context.Context, who auth.Principal, expected revision.Match, name *string) (domain.User, error) {
	user, err := a.change(ctx, who, userOf(who), expected, domain.Changes{Name: name})
	return user, orGone(err)
}

// orGone is what a user is told whose account is no more.
func orGone(err error) error {
	if errors.Is(err, ports.ErrNotFound) {
		return auth.ErrInvalidToken
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
		entry := about(audit.Update, userResource, id.UUID, http.StatusOK)
		entry.Fields = domain.Differences(before, changed)
		if before.Role != changed.Role {
			entry.Action = audit.RoleChanged
		}
		return a.trail.Record(ctx, who, entry)
	})
	return changed, err
}
