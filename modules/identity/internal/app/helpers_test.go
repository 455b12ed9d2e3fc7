package app_test

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/password"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/adapters/token"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/idempotency"
	"healthcare/platform/jobs"
	"healthcare/platform/keyring"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

const (
	idle     = 24 * time.Hour
	absolute = 30 * 24 * time.Hour
	access   = time.Hour
)

// fixture is the service with real adapters, cheap password hashes and a manual clock.
type fixture struct {
	*app.Service
	*app.Accounts
	auth.Authenticator
	db          *database.DB
	users       ports.Users
	sessions    ports.Sessions
	tokens      ports.Tokens
	passwords   *countedPasswords
	clock       *clock.Manual
	patientRows *patientRows
	removed     *[]identity.Removed // published
	announced   *[]identity.SignedInFromNewNetwork
	roles       auth.Roles
	trail       *audittest.Recorder

	credentials *app.Credentials

	cfg       identity.Config
	addresses *app.Addresses
	contacts  identity.Contacts
	states    ports.MailStates
	published *published
}

// published has the events of messages that were published.
type published struct {
	mu      sync.Mutex
	wanted  []identity.TokenWanted
	changed []identity.PasswordChanged
}

func newFixture(t testing.TB, db *database.DB, adjust ...func(*identity.Config)) fixture {
	t.Helper()
	manual := clock.At(now)
	keys, err := keyring.New([]byte("a secret of 32 bytes, or of more"))
	require.NoError(t, err)
	tokens, err := token.New(token.Config{
		Keys: keys, Issuer: "healthcare", Audience: "healthcare-api", Lifetime: access,
	}, manual)
	require.NoError(t, err)
	h := fixture{
		db: db, users: store.NewUsers(db), sessions: store.NewSessions(db, manual), tokens: tokens, clock: manual,
		trail: new(audittest.Recorder), passwords: &countedPasswords{Passwords: hashing(t, 64)},
	}
	h.Authenticator = app.NewAuthenticator(tokens, h.sessions)
	cfg := identity.Config{
		AccessTokenLifetime: access, SessionIdleLifetime: idle, SessionLifetime: absolute, FreeAttempts: 5,
		AccountFailures: 100, ClientFailures: 20,
	}
	for _, f := range adjust {
		f(&cfg)
	}
	attemptLimits := domain.AttemptLimits{FreeAttempts: cfg.FreeAttempts, AccountFailures: cfg.AccountFailures,
		ClientFailures: cfg.ClientFailures}
	attempts := store.NewAttempts(db, []byte("a key of the tests, of 32 bytes.."), attemptLimits, manual)
	registrations := store.NewRegistrations(
		db,
		[]byte("a key of the tests, of 32 bytes.."),
		domain.HourlyLimit(cfg.RegistrationsPerHour),
		manual,
	)
	credentials := app.NewCredentials(
		cfg,
		h.passwords,
		func(pw string) bool { return pw == "password1" },
		attempts,
		h.trail,
		manual,
	)
	h.credentials = credentials
	h.patientRows, h.roles, h.removed = &patientRows{db: db}, testRoles(), new([]identity.Removed)
	h.announced, h.published = new([]identity.SignedInFromNewNetwork), new(published)
	h.states = store.NewMailStates(db)
	publisher := events.New(events.On("subscriber", func(ctx context.Context, e identity.Removed) error {
		*h.removed = append(*h.removed, e)
		return databasetest.InjectFault(ctx, "subscriber")
	}), events.On("subscriber", func(ctx context.Context, e identity.SignedInFromNewNetwork) error {
		*h.announced = append(*h.announced, e)
		return databasetest.InjectFault(ctx, "subscriber")
	}), events.On("subscriber", func(ctx context.Context, e identity.TokenWanted) error {
		h.published.mu.Lock()
		defer h.published.mu.Unlock()
		h.published.wanted = append(h.published.wanted, e)
		return databasetest.InjectFault(ctx, "subscriber")
	}), events.On("subscriber", func(ctx context.Context, e identity.PasswordChanged) error {
		h.published.mu.Lock()
		defer h.published.mu.Unlock()
		h.published.changed = append(h.published.changed, e)
		return databasetest.InjectFault(ctx, "subscriber")
	}))
	mailTokens, err := token.NewMail(keys)
	require.NoError(t, err)
	limits := store.NewMailLimits(
		db, []byte("a key of the tests, of 32 bytes.."), domain.HourlyLimit(cfg.RegistrationsPerHour), manual)
	h.cfg, h.contacts = cfg, app.NewContacts(h.states, mailTokens, db, manual)
	h.addresses = app.NewAddresses(
		h.users, h.states, mailTokens, limits, h.sessions, credentials, h.trail, db, publisher, manual)
	h.Service = app.New(cfg, h.users, h.sessions, credentials, tokens, h.trail, db, publisher, manual)
	h.Accounts = app.NewAccounts(cfg, h.users, store.NewMailboxes(db, manual, zap.NewNop()), h.sessions,
		store.NewActing(db, manual), store.NewPractices(db), credentials, h.addresses,
		registrations, h.patientRows, idempotency.New(db, manual),
		jobs.NewQueue(db, manual), h.roles, h.trail, db, publisher, manual)
	return h
}

// testRoles returns the roles of the fixture, and one whose requirement no user meets.
func testRoles() auth.Roles {
	return auth.Roles{
		auth.Staff: {}, auth.Admin: {},
		"doctor": {Fits: func(context.Context, uuid.UUID) error {
			return errs.New(errs.Conflict, "no_record", "No doctor's record is linked to this user.")
		}},
	}
}

// patientRows implements identity.UserData with the rows of patients.
type patientRows struct{ db *database.DB }

// Count implements identity.UserData.
func (e *patientRows) Count(ctx context.Context, user identity.UserID, _ int) (count int, err error) {
	err = e.db.Read(ctx).Raw(`SELECT count(*) FROM patients WHERE owner_id = ?`, user).Scan(&count).Error
	return count, err
}

// DeleteAll implements identity.UserData.
func (e *patientRows) DeleteAll(
	ctx context.Context, user identity.UserID, _ identity.SessionID, _ string, _ int,
) (int, error) {
	done := e.db.Write(ctx).Exec(`DELETE FROM patients WHERE owner_id = ?`, user)
	return int(done.RowsAffected), done.Error
}

// Transfer implements identity.UserData, without conflicts.
func (e *patientRows) Transfer(
	ctx context.Context, _ auth.Principal, from, to identity.UserID, limit int,
) (done identity.Transfer, err error) {
	moved := e.db.Write(ctx).Exec(`UPDATE patients SET owner_id = ? WHERE id IN
		(SELECT id FROM patients WHERE owner_id = ? LIMIT ?)`, to, from, limit)
	if moved.Error != nil {
		return done, moved.Error
	}
	done.Moved = int(moved.RowsAffected)
	done.Left, err = e.Count(ctx, from, -1)
	return done, err
}

// here is the default client of the tests.
var here = app.From{Agent: "test", Address: netip.MustParseAddr("203.0.113.7")}

// hashing returns argon2id with little memory, in KiB.
func hashing(t testing.TB, memory uint32) ports.Passwords {
	t.Helper()
	passwords, err := password.New(password.Config{Memory: memory, Iterations: 1, Parallelism: 1, Slots: 2, Queue: 100,
		Wait: 30 * time.Second})
	require.NoError(t, err)
	return passwords
}

// countedPasswords counts hashes and verifications, and can return an error instead of a hash.
type countedPasswords struct {
	ports.Passwords
	hashed, verified atomic.Int32
	last             atomic.Pointer[ports.Caller]
	busy             error
}

func (p *countedPasswords) Hash(ctx context.Context, by ports.Caller, pw string) (string, error) {
	p.hashed.Add(1)
	p.last.Store(&by)
	if p.busy != nil {
		return "", p.busy
	}
	return p.Passwords.Hash(ctx, by, pw)
}

func (p *countedPasswords) Verify(
	ctx context.Context, by ports.Caller, pw, phc string, count func(context.Context) error,
) (ok, stale bool, err error) {
	p.last.Store(&by)
	return p.Passwords.Verify(ctx, by, pw, phc, func(ctx context.Context) error {
		err := count(ctx)
		if err == nil {
			p.verified.Add(1)
		}
		return err
	})
}

const secret = "correct horse"

func asha() domain.Registration {
	return domain.Registration{Name: "Asha Rao", Email: "Asha.Rao@Example.com", Password: secret}
}

func (h fixture) registered(t testing.TB, registration domain.Registration) domain.User {
	t.Helper()
	user, err := h.Register(t.Context(), registration)
	require.NoError(t, err)
	return user
}

func (h fixture) signedIn(t testing.TB) app.Tokens {
	t.Helper()
	tokens, err := h.SignIn(t.Context(), domain.Credentials{Email: asha().Email, Password: secret}, here)
	require.NoError(t, err)
	return tokens
}

// stored returns the stored user.
func (h fixture) stored(t testing.TB, user domain.User) domain.User {
	t.Helper()
	stored, err := h.users.Find(t.Context(), user.ID)
	require.NoError(t, err)
	return stored
}

func (h fixture) exec(t testing.TB, statement string, values ...any) {
	t.Helper()
	require.NoError(t, h.db.Write(t.Context()).Exec(statement, values...).Error)
}
