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
	"healthcare/platform/events"
	"healthcare/platform/jobs"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// Accounts has the use cases of accounts: for their users, for administrators and for operators.
type Accounts struct {
	users         ports.Users
	mailboxes     ports.Mailboxes
	sessions      ports.Sessions
	acting        ports.Acting
	practices     ports.Practices
	credentials   *Credentials
	addresses     *Addresses
	verification  verification
	registrations ports.Registrations
	userData      identity.UserData
	responses     ports.StoredResponses
	jobs          *jobs.Queue
	roles         auth.Roles
	trail         audit.Recorder
	tx            tx.Runner
	events        events.Publisher
	clock         clock.Clock
	closed        bool
}

// NewAccounts wires the use cases.
func NewAccounts(
	cfg identity.Config, users ports.Users, mailboxes ports.Mailboxes, sessions ports.Sessions,
	acting ports.Acting, practices ports.Practices, credentials *Credentials, addresses *Addresses,
	registrations ports.Registrations, userData identity.UserData,
	responses ports.StoredResponses,
	queue *jobs.Queue, roles auth.Roles, trail audit.Recorder, runner tx.Runner, publisher events.Publisher,
	clk clock.Clock,
) *Accounts {
	return &Accounts{
		users: users, mailboxes: mailboxes, sessions: sessions, acting: acting, practices: practices,
		credentials: credentials, addresses: addresses, registrations: registrations,
		verification: verification{addresses.states, cfg.RequireVerifiedEmail},
		userData:     userData, responses: responses, jobs: queue, roles: roles, trail: trail,
		tx: runner, events: publisher, clock: clk,
		closed: cfg.RegistrationClosed,
	}
}

// usernameAttempts bounds the search for a free username. From the second attempt on, 32 random bits make a collision
// unlikely.
const usernameAttempts = 5

// Register adds an account for a client who is not signed in. Errors: errs.Invalid, identity.ErrEmailTaken,
// identity.ErrRegistrationClosed, domain.ErrTooManyRegistrations, errs.Unavailable if too many passwords are being
// hashed.
func (a *Accounts) Register(ctx context.Context, registration domain.Registration) (domain.User, error) {
	if a.closed {
		return domain.User{}, identity.ErrRegistrationClosed
	}
	return a.add(ctx, auth.Principal{}, registration, auth.Staff, a.registrations)
}

// Add adds an account with a role for an administrator or an operator. It is neither counted nor limited, and works
// while registration is closed. Errors: errs.Invalid, identity.ErrEmailTaken, errs.Unavailable, the error of the role's
// Fits.
func (a *Accounts) Add(
	ctx context.Context, who auth.Principal, registration domain.Registration, role auth.Role,
) (domain.User, error) {
	return a.add(ctx, who, registration, role, uncounted{})
}

// uncounted is ports.Registrations without a limit.
type uncounted struct{}

func (uncounted) Check(context.Context, netip.Addr) error { return nil }
func (uncounted) Count(context.Context, netip.Addr) error { return nil }

func (a *Accounts) add(
	ctx context.Context, who auth.Principal, registration domain.Registration, role auth.Role,
	registrations ports.Registrations,
) (domain.User, error) {
	if err := registration.Validate(); err != nil {
		return domain.User{}, err
	}
	client := audit.RequestOf(ctx).Address
	by := callerOf(who, client)
	err := a.credentials.lookUp(ctx, by, func() error { // before the expensive part; the store decides races
		if err := a.mailboxes.CatchUp(ctx); err != nil {
			return err
		}
		_, err := a.users.FindByAddress(ctx, registration.Email)
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
	hash, err := a.credentials.hash(ctx, by, "password", registration.Password, registration.Name, registration.Email)
	if err != nil {
		return domain.User{}, err
	}
	user := domain.NewUser(registration, string(role), hash, a.clock.Now())
	user.SelfRegistered = registrations != ports.Registrations(uncounted{})
	if err := a.checkRoleFits(ctx, user.ID, role); err != nil {
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
			if err := a.addresses.added(ctx, user); err != nil {
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

// checkRoleFits returns an error unless the user may have the role. Errors: errs.Invalid for an undeclared role; the
// error of the role's Fits.
func (a *Accounts) checkRoleFits(ctx context.Context, user identity.UserID, role auth.Role) error {
	if err := a.CheckRole(role); err != nil {
		return err
	}
	if fits := a.roles[role].Fits; fits != nil {
		return fits(ctx, user.UUID)
	}
	return nil
}

// Me returns the user who acts. Errors: auth.ErrInvalidToken if the account was deleted during the request.
func (a *Accounts) Me(ctx context.Context, who auth.Principal) (domain.User, error) {
	user, err := a.users.Find(ctx, userOf(who))
	return user, asInvalidToken(err)
}

// OwnAccount is an account as its user sees it.
type OwnAccount struct {
	domain.User
	Verified bool // the user has verified the address
}

// Own returns the account of the user who acts. Errors: auth.ErrInvalidToken if it was deleted during the request.
func (a *Accounts) Own(ctx context.Context, who auth.Principal) (OwnAccount, error) {
	user, state, err := a.addresses.states.Find(ctx, userOf(who))
	return OwnAccount{user, state.For(user.Email).Verified}, asInvalidToken(err)
}

// Rename changes the user's own name. Errors: errs.Invalid, revision.ErrStale, auth.ErrInvalidToken.
func (a *Accounts) Rename(
	ctx context.Context, who auth.Principal, expected revision.Match, name *string,
) (OwnAccount, error) {
	var own OwnAccount
	err := a.tx.Do(ctx, func(ctx context.Context) (err error) {
		own.User, err = a.change(ctx, who, userOf(who), expected, domain.Changes{Name: name})
		if err == nil {
			own.Verified, err = a.verification.of(ctx, own.ID)
		}
		return err
	})
	return own, asInvalidToken(err)
}

// asInvalidToken maps ports.ErrNotFound to auth.ErrInvalidToken: the account was deleted during the request.
func asInvalidToken(err error) error {
	if errors.Is(err, ports.ErrNotFound) {
		return auth.ErrInvalidToken
	}
	return err
}

// change validates changes and applies them to a user who has an expected version.
// Errors: errs.Invalid, revision.ErrStale, ports.ErrNotFound.
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
