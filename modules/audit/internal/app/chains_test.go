package app_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/audittest"
	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// appendTo appends n entries to a chain of entries, as an earlier release does.
func (h fixture) appendTo(t *testing.T, chain, n int) {
	t.Helper()
	entries := make([]domain.Entry, n)
	for i := range entries {
		entries[i] = domain.Entry{ID: uuid.Must(uuid.NewV7()), Action: "login_failed", Outcome: "refused"}
	}
	audittest.AppendToChain(t.Context(), t, h.db, keys, chain, func(int) time.Time { return h.clock.Now() }, entries...)
}

// requireFlawIn requires a flaw of one chain.
func requireFlawIn(t *testing.T, err error, chain int, first int64) {
	t.Helper()
	requireFlaw(t, err, first)
	require.ErrorContains(t, err, "chain "+string(rune('0'+chain))+",")
}

// TestR41_MissingChain deletes the entries of one chain, and then its head.
func TestR41_MissingChain(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		h.appendTo(t, 1, 2)
		h.appendTo(t, 3, 4)
		require.NoError(t, h.Finish(t.Context()))
		h.appendTo(t, 1, 1)
		require.NoError(t, h.Finish(t.Context())) // so that the last line is about chain 1
		require.Equal(t, 3, h.checkpoints.count())
		require.EqualValues(t, 7, h.verified(t))
		require.NoError(t, h.restarted().Resume(t.Context()))
		var export bytes.Buffer
		written, err := h.Export(t.Context(), &export, noProgress)
		require.NoError(t, err)
		require.EqualValues(t, 8, written)
		const segments = 3 // lines of the export: the chain of segments and one of them, with the export itself

		t.Run("leaves a gap in an export", func(t *testing.T) {
			lines := strings.SplitAfter(export.String(), "\n")
			lines = lines[segments:]
			remaining := append(lines[:5:5], lines[10:]...) // without the line and the four entries of chain 3
			require.Contains(t, remaining[5], `{"chain":4,`)
			_, err := h.VerifyExport(strings.NewReader(strings.Join(remaining, "")), "", noProgress)
			requireFlawIn(t, err, 3, 1)
		})
		t.Run("the checkpoints reveal it at the end of an export", func(t *testing.T) {
			lines := strings.SplitAfter(export.String(), "\n")
			require.Contains(t, lines[segments+5], `{"chain":3,`)
			_, err := h.VerifyExport(strings.NewReader(strings.Join(lines[segments:segments+5], "")), "", noProgress)
			requireFlawIn(t, err, 3, 1)
		})
		disableTriggers(t, db)
		t.Run("is found if its head was reset", func(t *testing.T) {
			exec(t, db, "DELETE FROM audit_entries WHERE chain = 3")
			exec(t, db, "UPDATE audit_heads SET sequence = anchor_sequence, mac = anchor_mac WHERE chain = 3")
			_, err := h.Verify(t.Context(), "", noProgress)
			requireFlawIn(t, err, 3, 1)
			requireFlawIn(t, h.restarted().Resume(t.Context()), 3, 4)
		})
		h.checkpoints.lines = nil // the following flaws are found without checkpoints
		for _, chain := range []int{3, 8, 1} {
			exec(t, db, "DELETE FROM audit_entries WHERE chain = ?", chain)
			exec(t, db, "DELETE FROM audit_heads WHERE chain = ?", chain)
			_, err := h.Verify(t.Context(), "", noProgress)
			requireFlawIn(t, err, min(chain, 3), 1)
		}
		exec(t, db, "DELETE FROM audit_heads")
		_, err = h.Verify(t.Context(), "", noProgress)
		requireFlawIn(t, err, 1, 1)
	})
}

func TestPruneCoversEveryChain(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		h.appendTo(t, 1, 3)
		h.appendTo(t, 2, 5)
		h.record(t, 4)
		require.NoError(t, h.sealing.Flush(t.Context()))
		h.clock.Advance(24 * time.Hour)
		day := h.clock.Now()
		h.appendTo(t, 2, 1)
		h.appendTo(t, 7, 2) // too recent
		h.record(t, 1)
		require.NoError(t, h.sealing.Flush(t.Context()))
		require.EqualValues(t, 16, h.verified(t))
		removed, err := h.Prune(t.Context(), day, noProgress)
		require.NoError(t, err)
		require.EqualValues(t, 8+4, removed)
		require.EqualValues(t, 3+1+1, h.verified(t), "an entry records the pruning")
		removed, err = h.Prune(t.Context(), day, noProgress)
		require.NoError(t, err)
		require.Zero(t, removed)
	})
}

const closeAfter = 7 * 24 * time.Hour

// The chains of entries are closed when no earlier release appends to them.
func TestChainsAreClosed(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		closed := func() bool {
			require.NoError(t, h.Tick(t.Context()))
			chain, err := h.segments.Chain(t.Context())
			require.NoError(t, err)
			return chain.Closed
		}
		h.appendTo(t, 2, 3)
		h.clock.Advance(2 * closeAfter)
		require.False(t, closed(), "before the first segment")
		h.record(t, 1)
		h.seal(t)
		require.False(t, closed(), "at once")
		h.clock.Advance(closeAfter - time.Minute)
		h.appendTo(t, 1, 1) // an earlier release is still running
		h.clock.Advance(2 * time.Minute)
		require.False(t, closed(), "while an earlier release appends")
		h.clock.Advance(closeAfter)
		require.True(t, closed())
		require.True(t, closed())
		require.EqualValues(t, 5, h.verified(t))
		t.Run("and reject further entries", func(t *testing.T) {
			insert := "INSERT INTO audit_entries SELECT chain, sequence + 1, created_at, id, request_id, " +
				"actor_id, role, session_id, address, action, resource_type, resource_id, patient_id, outcome, " +
				"status, ids, id_count, fields, key_id, mac FROM audit_entries WHERE chain = 1"
			require.Error(t, db.Write(t.Context()).Exec(insert).Error)
		})
		t.Run("and reveal a changed end without checkpoints", func(t *testing.T) {
			h.checkpoints.lines = nil
			disableTriggers(t, db)
			exec(t, db, "DELETE FROM audit_entries WHERE chain = 2 AND sequence > 1")
			exec(t, db, `UPDATE audit_heads SET sequence = 1,
				mac = (SELECT mac FROM audit_entries WHERE chain = 2 AND sequence = 1) WHERE chain = 2`)
			_, err := h.Verify(t.Context(), "", noProgress)
			requireFlawIn(t, err, 2, 2)
			require.ErrorContains(t, err, "the chain was closed after entry 3")
		})
	})
}

func disableTriggers(t *testing.T, db *database.DB) {
	t.Helper()
	if db.Engine() == database.Postgres {
		exec(t, db, "ALTER TABLE audit_entries DISABLE TRIGGER USER")
		exec(t, db, "ALTER TABLE audit_heads DISABLE TRIGGER USER")
		return
	}
	for _, trigger := range []string{
		"audit_entries_refuse_delete", "audit_heads_refuse_update", "audit_heads_refuse_delete",
	} {
		exec(t, db, "DROP TRIGGER "+trigger)
	}
}

func exec(t *testing.T, db *database.DB, statement string, values ...any) {
	t.Helper()
	require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
}
