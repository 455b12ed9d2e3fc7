package app_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/password"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/adapters/token"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/keyring"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

const (
	idle     = 24 * time.Hour
	absolute = 30 * 24 * time.Hour
	access   = time.Hour
)

// house is the service over real adapters, with passwords that cost next to nothing and a clock that the test owns.
type house struct {
	*app.Service
	auth.Authenticator
	db        *database.DB
	users     ports.Users
	sessions  ports.Sessions
	tokens    ports.Tokens
	passwords *countedPasswords
	clock     *clock.Manual
}

func newHouse(t *testing.T, db *database.DB) house {
	t.Helper()
	manual := clock.At(now)
	keys, err := keyring.New([]byte("a secret of 32 bytes, or of more"))
	require.NoError(t, err)
	tokens, err := token.New(token.Config{
		Keys: keys, Issuer: "healthcare", Audience: "healthcare-api", Lifetime: access,
	}, manual)
	require.NoError(t, err)
	h := house{
		db: db, users: store.NewUsers(db), sessions: store.NewSessions(db), tokens: tokens, clock: manual,
		passwords: &countedPasswords{Passwords: hashing(t, 64)},
	}
	h.Authenticator = app.NewAuthenticator(tokens, h.sessions)
	cfg := identity.Config{AccessTokenLifetime: access, SessionIdleLifetime: idle, SessionLifetime: absolute}
	h.Service = app.New(cfg, h.users, h.sessions, h.passwords, tokens, manual)
	return h
}

// hashing is real argon2id with that little memory, in KiB.
func hashing(t *testing.T, memory uint32) ports.Passwords {
	t.Helper()
	passwords, err := password.New(password.Config{Memory: memory, Iterations: 1, Parallelism: 1, Slots: 2, Queue: 100, Wait: 30 * time.Second})
	require.NoError(t, err)
	return passwords
}

// countedPasswords counts what is expensive, and can be too busy to hash.
type countedPasswords struct {
	ports.Passwords
	hashed, verified atomic.Int32
	busy             error
}

func (p *countedPasswords) Hash(ctx context.Context, password string) (string, error) {
	p.hashed.Add(1)
	if p.busy != nil {
		return "", p.busy
	}
	return p.Passwords.Hash(ctx, password)
}

func (p *countedPasswords) Verify(ctx context.Context, password, phc string) (ok, stale bool, err error) {
	p.verified.Add(1)
	return p.Passwords.Verify(ctx, password, phc)
}

const secret = "correct horse"

func asha() domain.Registration {
	return domain.Registration{Name: "Asha Rao", Email: "Asha.Rao@Example.com", Password: secret}
}

func (h house) registered(t *testing.T, registration domain.Registration) domain.User {
	t.Helper()
	user, err := h.Register(t.Context(), registration)
	require.NoError(t, err)
	return user
}

func (h house) signedIn(t *testing.T) app.Tokens {
	t.Helper()
	tokens, err := h.SignIn(t.Context(), domain.Credentials{Email: asha().Email, Password: secret})
	require.NoError(t, err)
	return tokens
}

// stored is the user as the store has it now.
func (h house) stored(t *testing.T, user domain.User) domain.User {
	t.Helper()
	stored, err := h.users.Find(t.Context(), user.ID)
	require.NoError(t, err)
	return stored
}

func (h house) exec(t *testing.T, statement string, values ...any) {
	t.Helper()
	require.NoError(t, h.db.Write(t.Context()).Exec(statement, values...).Error)
}
