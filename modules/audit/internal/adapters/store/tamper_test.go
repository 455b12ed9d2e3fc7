package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
)

// edits are SQL expressions that change one column of entry 3, for both engines.
var edits = map[string]string{
	"chain": "2", "sequence": "99", "created_at": "'2026-11-22T22:29:36.410960Z'",
	"id": "'0193525f-2a41-7d3e-8a55-5b1c9f0e7d21'", "request_id": "'x'",
	"actor_id": "NULL", "role": "'admin'", "session_id": "NULL", "address": "'192.0.2.8'",
	"action": "'read'", "resource_type": "'Doctor'",
	"resource_id": "NULL", "patient_id": "'0193525f-2a41-7d3e-8a55-5b1c9f0e7d21'",
	"outcome": "'refused'", "status": "404", "ids": "''",
	"id_count": "2", "fields": "'name'", "key_id": "'other'",
	"mac": "(SELECT mac FROM audit_entries WHERE sequence = 2)",
}

func TestR41_TamperingBySQLIsDetected(t *testing.T) {
	t.Parallel()
	for column, value := range edits {
		t.Run("a changed "+column, func(t *testing.T) {
			each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
				appendEntries(t.Context(), t, db, now, fullEntries(5)...)
				require.NoError(t, verify(t, ledger))
				tamper(t, db, "UPDATE audit_entries SET "+column+" = "+value+" WHERE sequence = 3")
				requireFlaw(t, verify(t, ledger), 3)
			})
		})
	}
	for name, one := range map[string]struct {
		statement string
		first     int64
	}{
		"a deleted entry": {"DELETE FROM audit_entries WHERE sequence = 3", 3},
		"a repeated entry": {`INSERT INTO audit_entries
			SELECT chain, sequence, '2027-01-01T00:00:00.000000Z', id, request_id, actor_id, role, session_id, address,
				action, resource_type, resource_id, patient_id, outcome, status, ids, id_count, fields, key_id, mac
			FROM audit_entries WHERE sequence = 3`, 3},
		"a deleted end": {"DELETE FROM audit_entries WHERE sequence > 3", 4},
		"a moved anchor": {`UPDATE audit_heads
			SET anchor_sequence = 2, anchor_mac = (SELECT mac FROM audit_entries WHERE sequence = 2)
			WHERE chain = 1`, 2},
		"a moved head": {"UPDATE audit_heads SET sequence = 6 WHERE chain = 1", 6},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
				appendEntries(t.Context(), t, db, now, fullEntries(5)...)
				tamper(t, db, one.statement)
				requireFlaw(t, verify(t, ledger), one.first)
			})
		})
	}
	t.Run("edits cover every column", func(t *testing.T) {
		each(t, func(t *testing.T, db *database.DB, _ ports.Ledger) {
			columns, err := db.Read(t.Context()).Migrator().ColumnTypes("audit_entries")
			require.NoError(t, err)
			require.Len(t, columns, len(edits))
			for _, column := range columns {
				require.Contains(t, edits, column.Name())
			}
		})
	})
}

func requireFlaw(t *testing.T, err error, first int64) {
	t.Helper()
	var flaw *domain.Flaw
	require.ErrorAs(t, err, &flaw)
	require.Equal(t, first, flaw.Sequence, flaw.Reason)
}
