package faults

import (
	"database/sql"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// databaseCheck reads the program's database directly.
type databaseCheck struct {
	t    testing.TB
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
	return databaseCheck{t, pool}
}

// partialWrites has queries that count partial writes. All must return 0, because the effect, the entry in the trail
// and the stored response are one transaction.
var partialWrites = map[string]string{
	"an unrecorded patient": `SELECT count(*) FROM patients p WHERE NOT EXISTS (
		SELECT 1 FROM audit_entries e WHERE e.resource_id = p.id AND e.resource_type = 'Patient'
		AND e.action = 'create' AND e.outcome = 'success')`,
	"a recorded patient who neither exists nor was deleted": `SELECT count(*) FROM audit_entries e
		WHERE e.resource_type = 'Patient' AND e.action = 'create'
		AND e.outcome = 'success' AND NOT EXISTS (SELECT 1 FROM patients p WHERE p.id = e.resource_id) AND NOT EXISTS (
		SELECT 1 FROM audit_entries d WHERE d.resource_id = e.resource_id
		AND d.action = 'delete' AND d.outcome = 'success')`,
	"a patient who is recorded as deleted": `SELECT count(*) FROM patients p WHERE EXISTS (
		SELECT 1 FROM audit_entries e WHERE e.resource_id = p.id AND e.action = 'delete' AND e.outcome = 'success')`,
	"a patient with more or fewer versions than recorded changes": `SELECT count(*) FROM patients p
		WHERE p.version <> 1 + (
		SELECT count(*) FROM audit_entries e WHERE e.resource_id = p.id
		AND e.action = 'update' AND e.outcome = 'success')`,
	"a stored response without exactly one effect": `SELECT count(*) FROM idempotency_keys k
		WHERE 1 <> (SELECT count(*) FROM patients p WHERE p.notes = k.key)`,
	"an effect without its stored response": `SELECT count(*) FROM patients p
		WHERE length(p.notes) = 36 AND NOT EXISTS (
		SELECT 1 FROM idempotency_keys k WHERE k.key = p.notes)`,
}

// requireAcknowledged asserts that the store has all acknowledged writes and no partial ones.
func (l databaseCheck) requireAcknowledged(traffic *load) {
	l.t.Helper()
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
