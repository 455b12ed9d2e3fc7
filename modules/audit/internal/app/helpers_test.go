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

// fixture has the use cases with the real store, a manual clock and checkpoints in memory.
type fixture struct {
	*app.Recorder
	*app.Maintenance
	*app.Checkpointer
	db          *database.DB
	ledger      *countingLedger
	clock       *clock.Manual
	checkpoints *memoryCheckpoints
}

func newFixture(db *database.DB) fixture {
	h := fixture{
		db:          db,
		ledger:      &countingLedger{Ledger: store.New(db)},
		clock:       clock.At(now),
		checkpoints: &memoryCheckpoints{},
	}
	h.Recorder = app.NewRecorder(h.ledger, keys, h.clock, cfg)
	h.Maintenance = app.NewMaintenance(h.ledger, keys, h.checkpoints, db, h.clock)
	h.Checkpointer = h.newCheckpointer()
	return h
}

func (h fixture) newCheckpointer() *app.Checkpointer {
	return app.NewCheckpointer(h.ledger, keys, h.checkpoints, h.clock, cfg)
}

// record appends n readings by different users.
func (h fixture) record(t *testing.T, n int) {
	t.Helper()
	for range n {
		require.NoError(t, h.Record(t.Context(), newStaff(), reading()))
	}
}

// verified verifies the trail and returns the number of sound entries.
func (h fixture) verified(t *testing.T) int64 {
	t.Helper()
	sound, err := h.Verify(t.Context(), "", noProgress)
	require.NoError(t, err)
	return sound
}

// entries returns the entries of chain 1.
func (h fixture) entries(t *testing.T) []domain.Entry {
	t.Helper()
	all, err := h.ledger.Read(t.Context(), 1, 0, 100_000)
	require.NoError(t, err)
	return all
}

func noProgress(int64, int64) {}

func newStaff() auth.Principal {
	return auth.Principal{UserID: uuid.New(), SessionID: uuid.New(), Role: auth.Staff}
}

func reading() audit.Entry {
	patient := uuid.New()
	return audit.Entry{
		Action:     audit.Read,
		Resource:   audit.Patient,
		ResourceID: patient,
		PatientID:  patient,
		Outcome:    audit.Success,
		Status:     200,
	}
}

// countingLedger counts appends, and runs a function before each that can fail or block.
type countingLedger struct {
	ports.Ledger
	mu      sync.Mutex
	appends int
	before  func(context.Context) error
}

func (c *countingLedger) Append(ctx context.Context, chain int, seal func(*domain.Head) []domain.Entry) error {
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

// beforeAppend sets a function that runs before each append; nil removes it.
func (c *countingLedger) beforeAppend(before func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = before
}

func (c *countingLedger) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.appends
}

// memoryCheckpoints stores checkpoints in memory.
type memoryCheckpoints struct {
	mu       sync.Mutex
	lines    []byte
	failure  error
	reported []error
}

func (m *memoryCheckpoints) Append(line []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure == nil {
		m.lines = append(append(m.lines, line...), '\n')
	}
	return m.failure
}

func (m *memoryCheckpoints) Open(string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return io.NopCloser(bytes.NewReader(bytes.Clone(m.lines))), nil
}

func (m *memoryCheckpoints) Report(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reported = append(m.reported, err)
}

// failWith makes every Append fail with err; nil ends that.
func (m *memoryCheckpoints) failWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
}

func (m *memoryCheckpoints) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Count(m.lines, []byte("\n"))
}
