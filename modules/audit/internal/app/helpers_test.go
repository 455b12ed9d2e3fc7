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
	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
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
	*app.Keeper
	db          *database.DB
	segments    *countingSegments
	ledger      ports.Ledger
	sealing     *app.Sealing
	clock       *clock.Manual
	checkpoints *memoryCheckpoints
	names       accountNames
}

func newFixture(db *database.DB) fixture {
	h := fixture{
		db:          db,
		segments:    &countingSegments{Segments: store.NewSegments(db)},
		ledger:      store.New(db),
		clock:       clock.At(now),
		checkpoints: &memoryCheckpoints{},
	}
	return h.restarted()
}

// restarted returns the use cases of a new process on the same store.
func (h fixture) restarted() fixture {
	h.sealing = app.NewSealing(h.segments, keys, h.checkpoints, h.clock, cfg)
	h.Recorder = app.NewRecorder(h.segments, keys, h.clock, h.sealing, cfg)
	h.Maintenance = app.NewMaintenance(h.segments, h.ledger, h.Recorder, h.sealing, keys, h.checkpoints, h.db, h.clock)
	h.Keeper = app.NewKeeper(h.segments, h.sealing, h.ledger, keys, h.checkpoints, h.clock, cfg)
	return h
}

func (h fixture) newReader(recorder audit.Recorder, directory patients.Directory) *app.Reader {
	return app.NewReader(h.segments, h.ledger, h.sealing, recorder, directory, h.names, h.clock)
}

// accountNames is an identity.Names that databasetest.RunWithFaults lets fail.
type accountNames map[identity.UserID]string

func (n accountNames) FindNames(ctx context.Context, ids []identity.UserID) (map[identity.UserID]string, error) {
	if err := databasetest.InjectFault(ctx, "names"); err != nil {
		return nil, err
	}
	found := map[identity.UserID]string{}
	for _, id := range ids {
		if name, ok := n[id]; ok {
			found[id] = name
		}
	}
	return found, nil
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
	report, err := h.Verify(t.Context(), "", noProgress)
	require.NoError(t, err)
	return report.Entries
}

// seal seals the inbox and returns the chain's segments.
func (h fixture) seal(t *testing.T) []domain.Segment {
	t.Helper()
	require.NoError(t, h.sealing.Flush(t.Context()))
	chain, err := h.segments.Chain(t.Context())
	require.NoError(t, err)
	all, err := h.segments.Range(t.Context(), chain.Span.From.Number, chain.Span.To.Number, 1_000_000)
	require.NoError(t, err)
	return all
}

// entries seals the inbox and returns the entries of the chain.
func (h fixture) entries(t *testing.T) (all []domain.Entry) {
	t.Helper()
	for _, segment := range h.seal(t) {
		records, err := segment.Records()
		require.NoError(t, err)
		for _, r := range records {
			if r.Batch != nil {
				all = append(all, r.Batch.Entries...)
			}
		}
	}
	return all
}

// unsealed returns the number of entries in the inbox.
func (h fixture) unsealed(t *testing.T) int64 {
	t.Helper()
	backlog, err := h.segments.Backlog(t.Context(), 0)
	require.NoError(t, err)
	return backlog.Entries
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

// countingSegments counts inserts, and runs a function before each that can fail or block.
type countingSegments struct {
	ports.Segments
	mu      sync.Mutex
	inserts int
	before  func(context.Context) error
}

func (c *countingSegments) Insert(ctx context.Context, entries int, batch []byte) error {
	c.mu.Lock()
	c.inserts++
	before := c.before
	c.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return err
		}
	}
	return c.Segments.Insert(ctx, entries, batch)
}

// beforeInsert sets a function that runs before each insert; nil removes it.
func (c *countingSegments) beforeInsert(before func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = before
}

func (c *countingSegments) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inserts
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

func (m *memoryCheckpoints) Replace(lines [][]byte, size int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(append(bytes.Join(lines, []byte{'\n'}), '\n'), m.lines[size:]...)
	return nil
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
