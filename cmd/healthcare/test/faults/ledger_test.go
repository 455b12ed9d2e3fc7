package faults

import (
	"context"
	"database/sql"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/modules/audit/audittest"
	"healthcare/platform/database"
)

// databaseCheck reads the program's database directly.
type databaseCheck struct {
	t    testing.TB
	db   database.Config
	pool *sql.DB
}

func openDatabaseCheck(t testing.TB, db database.Config) databaseCheck {
	t.Helper()
	driver, source := "sqlite", "file:"+db.Path+"?_busy_timeout=5000"
	if db.URL != "" {
		driver, source = "pgx", db.URL
	}
	pool, err := sql.Open(driver, source)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return databaseCheck{t, db, pool}
}

// partialWrites has queries that count partial writes. All must return 0, because the effect, the entry in the trail
// and the stored response are one transaction.
var partialWrites = map[string]string{
	"an unrecorded patient": `SELECT count(*) FROM patients p WHERE NOT EXISTS (
		SELECT 1 FROM trail_entries e WHERE e.resource_id = p.id AND e.resource_type = 'Patient'
		AND e.action = 'create' AND e.outcome = 'success')`,
	"a recorded patient who neither exists nor was deleted": `SELECT count(*) FROM trail_entries e
		WHERE e.resource_type = 'Patient' AND e.action = 'create'
		AND e.outcome = 'success' AND NOT EXISTS (SELECT 1 FROM patients p WHERE p.id = e.resource_id) AND NOT EXISTS (
		SELECT 1 FROM trail_entries d WHERE d.resource_id = e.resource_id
		AND d.action = 'delete' AND d.outcome = 'success')`,
	"a patient who is recorded as deleted": `SELECT count(*) FROM patients p WHERE EXISTS (
		SELECT 1 FROM trail_entries e WHERE e.resource_id = p.id AND e.action = 'delete' AND e.outcome = 'success')`,
	"a patient with more or fewer versions than recorded changes": `SELECT count(*) FROM patients p
		WHERE p.version <> 1 + (
		SELECT count(*) FROM trail_entries e WHERE e.resource_id = p.id
		AND e.action = 'update' AND e.outcome = 'success')`,
	"a stored response without exactly one effect": `SELECT count(*) FROM idempotency_keys k
		WHERE 1 <> (SELECT count(*) FROM patients p WHERE p.notes = k.key)`,
	"an effect without its stored response": `SELECT count(*) FROM patients p
		WHERE length(p.notes) = 36 AND NOT EXISTS (
		SELECT 1 FROM idempotency_keys k WHERE k.key = p.notes)`,
}

// decodeTrail stores the decoded trail in the table trail_entries.
func (l databaseCheck) decodeTrail() {
	l.t.Helper()
	cfg := l.db
	cfg.PoolSize = max(cfg.PoolSize, 2)
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(l.t, err)
	defer func() { require.NoError(l.t, db.Close()) }()
	ctx := context.Background()
	for _, statement := range []string{
		"DROP TABLE IF EXISTS trail_entries",
		"CREATE TABLE trail_entries AS SELECT id AS resource_id, name AS resource_type, name AS action, " +
			"name AS outcome FROM patients WHERE id IS NULL",
		"CREATE INDEX trail_entries_resource_id_idx ON trail_entries (resource_id)",
	} {
		require.NoError(l.t, db.Write(ctx).Exec(statement).Error)
	}
	var rows []map[string]any
	for _, e := range audittest.Entries(ctx, l.t, db) {
		rows = append(rows, map[string]any{
			"resource_id": e["resource_id"], "resource_type": e["resource_type"], "action": e["action"],
			"outcome": e["outcome"],
		})
	}
	if len(rows) > 0 {
		require.NoError(l.t, db.Write(ctx).Table("trail_entries").CreateInBatches(rows, 1000).Error)
	}
}

// requireAcknowledged asserts that the store has all acknowledged writes and no partial ones.
func (l databaseCheck) requireAcknowledged(traffic *load) {
	l.t.Helper()
	l.decodeTrail()
	for what, count := range partialWrites {
		var n int
		require.NoError(l.t, l.pool.QueryRow(count).Scan(&n), what)
		require.Zero(l.t, n, what)
	}
	notes := l.readNotes()
	traffic.mu.Lock()
	defer traffic.mu.Unlock()
	for key, id := range traffic.added {
		require.Equal(l.t, key, notes[id], "an acknowledged patient is lost")
	}
	for id, numbers := range traffic.amended {
		at, err := strconv.Atoi(notes[id])
		require.NoError(l.t, err, "an acknowledged patient is lost: %q", notes[id])
		require.GreaterOrEqual(l.t, at, numbers[0], "an acknowledged change is lost")
		require.LessOrEqual(l.t, at, numbers[1])
	}
	for id, acknowledged := range traffic.removed {
		if acknowledged {
			require.NotContains(l.t, notes, id, "an acknowledged removal is lost")
		}
	}
}

// readNotes returns the notes of all patients by id.
func (l databaseCheck) readNotes() map[string]string {
	l.t.Helper()
	rows, err := l.pool.Query(`SELECT id, notes FROM patients`)
	require.NoError(l.t, err)
	defer func() { _ = rows.Close() }()
	all := map[string]string{}
	for rows.Next() {
		var id, notes string
		require.NoError(l.t, rows.Scan(&id, &notes))
		all[id] = notes
	}
	require.NoError(l.t, rows.Err())
	return all
}
