// Package app holds the use cases of the identity module: registering, signing in, staying signed in, and telling the server who a token
// belongs to.
package app

import (
	"context"
	"errors"
	"time"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
)

// Service is what anybody may do to become, and stay, a signed-in user.
type Service struct {
	users          ports.Users
	sessions       ports.Sessions
	passwords      ports.Passwords
	tokens         ports.Tokens
	clock          clock.Clock
	lifetimes      domain.Lifetimes
	accessLifetime time.Duration
}

// New wires the use cases.
func New(
	cfg identity.Config, users ports.Users, sessions ports.Sessions, passwords ports.Passwords, tokens ports.Tokens, clock clock.Clock,
) *Service {
	return &Service{
		users: users, sessions: sessions, passwords: passwords, tokens: tokens, clock: clock,
		lifetimes:      domain.Lifetimes{Idle: cfg.SessionIdleLifetime, Absolute: cfg.SessionLifetime},
		accessLifetime: cfg.AccessTokenLifetime,
	}
}

// Tokens are what a user stays signed in with.
type Tokens struct {
	Access    string
	Refresh   string
	ExpiresIn time.Duration // of Access
}

// usernameAttempts bounds the search for a free username; from the second on 32 random bits make a collision unlikely.
const usernameAttempts = 5

// Register makes an account. Errors: errs.Invalid, identity.ErrEmailTaken, errs.Unavailable when too many passwords are being hashed.
func (s *Service) Register(ctx context.Context, registration domain.Registration) (domain.User, error) {
	if err := registration.Validate(); err != nil {
		return domain.User{}, err
	}
	_, err := s.users.FindByMailbox(ctx, domain.Mailbox(registration.Email)) // before the expensive part; the store decides races
	if err == nil {
		return domain.User{}, identity.ErrEmailTaken
	}
	if !errors.Is(err, ports.ErrNotFound) {
		return domain.User{}, err
	}
	hash, err := s.passwords.Hash(ctx, registration.Password)
	if err != nil {
		return domain.User{}, err
	}
	user := domain.NewUser(registration, hash, s.clock.Now())
	for attempt := range usernameAttempts {
		user.Username = domain.UsernameCandidate(user.Email, attempt)
		if err = s.users.Add(ctx, user); !errors.Is(err, ports.ErrUsernameTaken) {
			break
		}
	}
	return user, err
}

// SignIn starts a session. An unknown address, a wrong password and an inactive user are answered alike, after the same work.
// Errors: errs.Invalid, identity.ErrInvalidCredentials, errs.Unavailable when too many passwords are being hashed.
func (s *Service) SignIn(ctx context.Context, credentials domain.Credentials) (Tokens, error) {
	if err := credentials.Validate(); err != nil {
		return Tokens{}, err
	}
	user, err := s.users.FindByMailbox(ctx, domain.Mailbox(credentials.Email))
	if err != nil && !errors.Is(err, ports.ErrNotFound) {
		return Tokens{}, err
	}
	ok, stale, err := s.passwords.Verify(ctx, credentials.Password, user.PasswordHash) // "" for nobody, which costs the same
	if err != nil {
		return Tokens{}, err
	}
	if !ok || !user.Active {
		return Tokens{}, identity.ErrInvalidCredentials
	}
	if stale {
		s.renewHash(ctx, user, credentials.Password)
	}
	session, refresh := domain.NewSession(user.ID, s.clock.Now(), s.lifetimes)
	if err := s.sessions.Add(ctx, session); err != nil {
		return Tokens{}, err
	}
	return s.issue(user, session, refresh)
}

// renewHash stores the password under today's parameters. It is a convenience: a full gate or store must not keep the user out.
func (s *Service) renewHash(ctx context.Context, user domain.User, password string) {
	if hash, err := s.passwords.Hash(ctx, password); err == nil {
		_ = s.users.SetPasswordHash(ctx, user.ID, user.PasswordHash, hash)
	}
}

// Refresh trades a refresh token for the next one and a new access token. Errors: identity.ErrInvalidRefresh.
func (s *Service) Refresh(ctx context.Context, refresh string) (renewed Tokens, err error) {
	err = s.sessions.Change(ctx, domain.RefreshHash(refresh), func(ctx context.Context, session *domain.Session) error {
		user, err := s.users.Find(ctx, session.UserID)
		if err != nil {
			return err
		}
		next, alive := session.Rotate(s.clock.Now(), s.lifetimes)
		if !alive || !user.Active {
			return identity.ErrInvalidRefresh
		}
		renewed, err = s.issue(user, *session, next)
		return err
	})
	if errors.Is(err, ports.ErrNotFound) {
		return Tokens{}, identity.ErrInvalidRefresh
	}
	if err != nil {
		return Tokens{}, err
	}
	return renewed, nil
}

func (s *Service) issue(user domain.User, session domain.Session, refresh string) (Tokens, error) {
	access, err := s.tokens.Issue(ports.Claims{UserID: user.ID.UUID, SessionID: session.ID.UUID, Version: user.TokenVersion})
	return Tokens{Access: access, Refresh: refresh, ExpiresIn: s.accessLifetime}, err
}
