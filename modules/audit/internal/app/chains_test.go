package app_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// appendTo appends n entries to one chain.
func (h fixture) appendTo(t *testing.T, chain, n int) {
	t.Helper()
	require.NoError(t, h.ledger.Append(t.Context(), chain, func(head *domain.Head) []domain.Entry {
		entries := make([]domain.Entry, n)
		for i := range entries {
			entries[i] = domain.Entry{ID: uuid.Must(uuid.NewV7()), Action: "login_failed", Outcome: "refused"}
			head.Seal(&entries[i], keys, h.clock.Now())
		}
		return entries
	}))
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
		require.NoError(t, h.newCheckpointer().Resume(t.Context()))
		var export bytes.Buffer
		written, err := h.Export(t.Context(), &export, noProgress)
		require.NoError(t, err)
		require.EqualValues(t, 8, written)

		t.Run("leaves a gap in an export", func(t *testing.T) {
			lines := strings.SplitAfter(export.String(), "\n")
			remaining := append(lines[:6:6], lines[11:]...) // without the line and the four entries of chain 3
			require.Contains(t, remaining[6], `{"chain":4,`)
			_, err := h.VerifyExport(strings.NewReader(strings.Join(remaining, "")), "", noProgress)
			requireFlawIn(t, err, 3, 1)
		})
		t.Run("the checkpoints reveal it at the end of an export", func(t *testing.T) {
			lines := strings.SplitAfter(export.String(), "\n")
			require.Contains(t, lines[6], `{"chain":3,`)
			_, err := h.VerifyExport(strings.NewReader(strings.Join(lines[:6], "")), "", noProgress)
			requireFlawIn(t, err, 3, 1)
		})
		disableTriggers(t, db)
		t.Run("is found if its head was reset", func(t *testing.T) {
			exec(t, db, "DELETE FROM audit_entries WHERE chain = 3")
			exec(t, db, "UPDATE audit_heads SET sequence = anchor_sequence, mac = anchor_mac WHERE chain = 3")
			_, err := h.Verify(t.Context(), "", noProgress)
			requireFlawIn(t, err, 3, 1)
			requireFlawIn(t, h.newCheckpointer().Resume(t.Context()), 3, 4)
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
		require.NoError(t, h.Tick(t.Context()))
		h.appendTo(t, 1, 3)
		h.appendTo(t, 2, 5)
		h.clock.Advance(24 * time.Hour)
		day := h.clock.Now()
		h.appendTo(t, 2, 1)
		h.appendTo(t, 7, 2) // too recent
		require.EqualValues(t, 11, h.verified(t))
		removed, err := h.Prune(t.Context(), day, noProgress)
		require.NoError(t, err)
		require.EqualValues(t, 8, removed)
		require.EqualValues(t, 3+2, h.verified(t), "two chains record that they were pruned")
		_, err = h.Prune(t.Context(), day, noProgress)
		require.Error(t, err)
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
