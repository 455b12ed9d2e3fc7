// Package app has the use cases of the identity module: accounts and their administration, sessions, and the
// authentication of access tokens.
package app

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/tx"
)

// Service has the use cases of sessions.
type Service struct {
	users          ports.Users
	sessions       ports.Sessions
	credentials    *Credentials
	tokens         ports.Tokens
	trail          audit.Recorder
	tx             tx.Runner
	events         events.Publisher
	clock          clock.Clock
	lifetimes      domain.Lifetimes
	accessLifetime time.Duration
}

// New wires the use cases.
func New(
	cfg identity.Config, users ports.Users, sessions ports.Sessions, credentials *Credentials, tokens ports.Tokens,
	trail audit.Recorder, runner tx.Runner, publisher events.Publisher, clk clock.Clock,
) *Service {
	lifetimes := domain.Lifetimes{Idle: cfg.SessionIdleLifetime, Absolute: cfg.SessionLifetime}
	if cfg.Django {
		lifetimes.Retry = lifetimes.Idle
	}
	return &Service{
		users: users, sessions: sessions, credentials: credentials, tokens: tokens, trail: trail, tx: runner,
		events: publisher, clock: clk, lifetimes: lifetimes, accessLifetime: cfg.AccessTokenLifetime,
	}
}

// From is the origin of a request.
type From struct {
	Agent   string     // the User-Agent header
	Address netip.Addr // invalid when unknown
}

func (f From) origin() domain.Origin { return domain.OriginOf(f.Agent, f.Address) }

// Tokens are the tokens of a session.
type Tokens struct {
	Access    string
	Refresh   string
	ExpiresIn time.Duration // of Access
}

// SignIn starts a session. An unknown address, a wrong password and an inactive user get the same response, after the
// same work. Errors: errs.Invalid, identity.ErrInvalidCredentials, errs.Throttled, errs.Unavailable if too many
// passwords are being hashed.
func (s *Service) SignIn(ctx context.Context, credentials domain.Credentials, from From) (Tokens, error) {
	if err := credentials.Validate(); err != nil {
		return Tokens{}, err
	}
	find := func(ctx context.Context) (domain.User, error) {
		user, err := s.users.FindByAddress(ctx, credentials.Email)
		if errors.Is(err, ports.ErrNotFound) {
			return domain.User{}, nil
		}
		return user, err
	}
	user, proved, err := s.credentials.prove(
		ctx, auth.Principal{}, domain.Mailbox(credentials.Email), credentials.Password, from.Address, find,
	)
	if err != nil {
		return Tokens{}, s.credentials.failed(ctx, auth.Principal{}, proved.attempt, err)
	}
	if !proved.right || !user.Active {
		err = identity.ErrInvalidCredentials
		return Tokens{}, s.credentials.failed(ctx, auth.Principal{}, proved.attempt, err)
	}
	if proved.stale {
		user = s.renewHash(ctx, proved.by, user, credentials.Password)
	}
	return s.begin(ctx, user, proved, from)
}

// begin starts the session of a user who has proved the password, unless the user has changed in the meantime.
func (s *Service) begin(ctx context.Context, user domain.User, proved proof, from From) (Tokens, error) {
	session := domain.NewSession(user.ID, from.origin(), s.clock.Now(), s.lifetimes)
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.sessions.Add(ctx, session, user.PasswordHash); err != nil {
			return err
		}
		isNew, err := s.credentials.succeeded(ctx, proved)
		if err == nil && isNew {
			err = s.events.Publish(ctx, identity.SignedInFromNewNetwork{User: user.ID, At: session.CreatedAt})
		}
		if err != nil {
			return err
		}
		who := auth.Principal{UserID: user.ID.UUID, SessionID: session.ID.UUID, Role: auth.Role(user.Role)}
		return s.trail.Record(ctx, who, about(audit.Login, sessionResource, session.ID.UUID, http.StatusOK))
	})
	if errors.Is(err, ports.ErrNotFound) {
		return Tokens{}, identity.ErrInvalidCredentials
	}
	if err != nil {
		return Tokens{}, err
	}
	return s.issue(user, session)
}

// renewHash stores a hash of the password with the current parameters. If that fails, the user is signed in all the
// same.
func (s *Service) renewHash(ctx context.Context, by ports.Caller, user domain.User, password string) domain.User {
	hash, err := s.credentials.passwords.Hash(ctx, by, password)
	if err != nil || s.users.SetPasswordHash(ctx, user.ID, user.PasswordHash, hash) != nil {
		return user
	}
	user.PasswordHash = hash
	return user
}

// Refresh exchanges a refresh token for its successor and a new access token. Because the response may have been lost,
// the previous token gets the same successor during a retry window. Later use ends the session: the token may be
// stolen. Errors: errs.Invalid for a blank token, identity.ErrInvalidRefresh.
func (s *Service) Refresh(ctx context.Context, refresh string, from From) (Tokens, error) {
	if strings.TrimSpace(refresh) == "" {
		return Tokens{}, errs.Invalidf("refresh", "This field may not be blank.")
	}
	id, generation, ok := s.tokens.VerifyRefresh(refresh)
	if !ok {
		return Tokens{}, identity.ErrInvalidRefresh
	}
	var renewed Tokens
	var use domain.Use
	err := s.sessions.Change(ctx, id, func(ctx context.Context, session *domain.Session) error {
		use = session.Refresh(generation, from.origin(), s.clock.Now(), s.lifetimes)
		if use == domain.Reused {
			if err := s.sessions.Remove(ctx, session.UserID, id); err != nil {
				return err
			}
			who := auth.Principal{UserID: session.UserID.UUID, SessionID: id.UUID}
			reused := about(audit.RefreshReused, sessionResource, id.UUID, http.StatusUnauthorized)
			reused.Outcome = audit.Denied
			return s.trail.Record(ctx, who, reused)
		}
		user, err := s.users.Find(ctx, session.UserID)
		if err != nil {
			return err
		}
		if use == domain.Refused || !user.Active {
			return identity.ErrInvalidRefresh
		}
		if renewed, err = s.issue(user, *session); err != nil {
			return err
		}
		who := auth.Principal{UserID: user.ID.UUID, SessionID: id.UUID, Role: auth.Role(user.Role)}
		return s.trail.Record(ctx, who, about(audit.Refresh, sessionResource, id.UUID, http.StatusOK))
	})
	if errors.Is(err, ports.ErrNotFound) || err == nil && use == domain.Reused {
		return Tokens{}, identity.ErrInvalidRefresh
	}
	if err != nil {
		return Tokens{}, err
	}
	return renewed, nil
}

func (s *Service) issue(user domain.User, session domain.Session) (Tokens, error) {
	claims := ports.Claims{UserID: user.ID.UUID, SessionID: session.ID.UUID, Version: user.TokenVersion}
	access, err := s.tokens.Issue(claims)
	refresh := s.tokens.IssueRefresh(session.ID, session.Generation)
	return Tokens{Access: access, Refresh: refresh, ExpiresIn: s.accessLifetime}, err
}

func userOf(who auth.Principal) identity.UserID { return identity.UserID{UUID: who.UserID} }

func sessionOf(who auth.Principal) identity.SessionID { return identity.SessionID{UUID: who.SessionID} }
