package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/adapters/store"
	"healthcare/modules/audit/internal/app"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

var keys = domain.NewKeys([]domain.Secret{secret("entries")}, []domain.Secret{secret("checkpoints")})

func secret(name string) domain.Secret {
	bytes := sha256.Sum256([]byte(name))
	return domain.Secret{ID: name, Bytes: bytes[:]}
}

var cfg = trail.Config{CheckpointEvery: time.Minute, CommitTimeout: 30 * time.Second}

// fixture is the module over the real store, with a clock that the test owns and checkpoints in memory.
type fixture struct {
	*app.Recorder
	*app.Custodian
	*app.Keeper
	db          *database.DB
	ledger      *counting
	clock       *clock.Manual
	checkpoints *memory
}

func newFixture(db *database.DB) fixture {
	h := fixture{db: db, ledger: &counting{Ledger: store.New(db)}, clock: clock.At(now), checkpoints: &memory{}}
	h.Recorder = app.NewRecorder(h.ledger, keys, h.clock, cfg)
	h.Custodian = app.NewCustodian(h.ledger, keys, h.checkpoints, db, h.clock)
	h.Keeper = h.anotherKeeper()
	return h
}

func (h fixture) anotherKeeper() *app.Keeper {
	return app.NewKeeper(h.ledger, keys, h.checkpoints, h.clock, cfg)
}

// record appends n readings of a patient by somebody.
func (h fixture) record(t *testing.T, n int) {
	t.Helper()
	for range n {
		require.NoError(t, h.Record(t.Context(), someone(), reading()))
	}
}

// verified is how many entries are sound.
func (h fixture) verified(t *testing.T) int64 {
	t.Helper()
	sound, err := h.Verify(t.Context(), "", silent)
	require.NoError(t, err)
	return sound
}

// entries is all that the trail holds.
func (h fixture) entries(t *testing.T) []domain.Entry {
	t.Helper()
	all, err := h.ledger.Read(t.Context(), 1, 0, 100_000)
	require.NoError(t, err)
	return all
}

func silent(int64, int64) {}

func someone() auth.Principal {
	return auth.Principal{UserID: uuid.New(), SessionID: uuid.New(), Role: auth.Staff}
}

func reading() audit.Entry {
	patient := uuid.New()
	return audit.Entry{Action: audit.Read, Resource: audit.Patient, ResourceID: patient, PatientID: patient, Outcome: audit.Success, Status: 200}
}

// counting is a ledger that counts how often it appends, and fails or waits when it is told to.
type counting struct {
	ports.Ledger
	mu      sync.Mutex
	appends int
	before  func(context.Context) error
}

func (c *counting) Append(ctx context.Context, chain int, seal func(*domain.Head) []domain.Entry) error {
	c.mu.Lock()
	c.appends++
	before := c.before
	c.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return err
		}
	}
	return c.Ledger.Append(ctx, chain, seal)
}

// have is what happens before each append from now on.
func (c *counting) have(before func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = before
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.appends
}

// memory is checkpoints without a file; another path than "" is a file that is not there.
type memory struct {
	mu       sync.Mutex
	lines    []byte
	refusal  error
	reported []error
}

func (m *memory) Keep(line []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refusal == nil {
		m.lines = append(append(m.lines, line...), '\n')
	}
	return m.refusal
}

func (m *memory) Open(string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return io.NopCloser(bytes.NewReader(bytes.Clone(m.lines))), nil
}

func (m *memory) Report(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reported = append(m.reported, err)
}

// refuse has every Keep fail from now on; nil ends that.
func (m *memory) refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusal = err
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Count(m.lines, []byte("\n"))
}
