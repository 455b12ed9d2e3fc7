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

// recordIn appends n entries to one chain.
func (h fixture) recordIn(t *testing.T, chain, n int) {
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

func requireFlawIn(t *testing.T, err error, chain int, first int64) {
	t.Helper()
	requireFlaw(t, err, first)
	require.ErrorContains(t, err, "chain "+string(rune('0'+chain))+",")
}

// TestR41_AChainThatIsGone is about all of one chain among several: its entries, and in the end its head.
func TestR41_AChainThatIsGone(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		h.recordIn(t, 1, 2)
		h.recordIn(t, 3, 4)
		require.NoError(t, h.Finish(t.Context()))
		h.recordIn(t, 1, 1)
		require.NoError(t, h.Finish(t.Context())) // the last line is not of chain 3
		require.Equal(t, 3, h.checkpoints.count())
		require.EqualValues(t, 7, h.verified(t))
		require.NoError(t, h.anotherKeeper().Recall(t.Context()))
		var export bytes.Buffer
		written, err := h.Export(t.Context(), &export, silent)
		require.NoError(t, err)
		require.EqualValues(t, 8, written)

		t.Run("leaves a gap in an export", func(t *testing.T) {
			lines := strings.SplitAfter(export.String(), "\n")
			kept := append(lines[:6:6], lines[11:]...) // without the line that begins chain 3, and its four
			require.Contains(t, kept[6], `{"chain":4,`)
			_, err := h.VerifyExport(strings.NewReader(strings.Join(kept, "")), "", silent)
			requireFlawIn(t, err, 3, 1)
		})
		t.Run("at the end of an export is known to the checkpoints", func(t *testing.T) {
			lines := strings.SplitAfter(export.String(), "\n")
			require.Contains(t, lines[6], `{"chain":3,`)
			_, err := h.VerifyExport(strings.NewReader(strings.Join(lines[:6], "")), "", silent)
			requireFlawIn(t, err, 3, 1)
		})
		disarm(t, db)
		t.Run("is found when its head says that there never was one", func(t *testing.T) {
			run(t, db, "DELETE FROM audit_entries WHERE chain = 3")
			run(t, db, "UPDATE audit_heads SET sequence = anchor_sequence, mac = anchor_mac WHERE chain = 3")
			_, err := h.Verify(t.Context(), "", silent)
			requireFlawIn(t, err, 3, 1)
			requireFlawIn(t, h.anotherKeeper().Recall(t.Context()), 3, 4)
		})
		h.checkpoints.lines = nil // from here on without their help
		for _, chain := range []int{3, 8, 1} {
			run(t, db, "DELETE FROM audit_entries WHERE chain = ?", chain)
			run(t, db, "DELETE FROM audit_heads WHERE chain = ?", chain)
			_, err := h.Verify(t.Context(), "", silent)
			requireFlawIn(t, err, min(chain, 3), 1)
		}
		run(t, db, "DELETE FROM audit_heads")
		_, err = h.Verify(t.Context(), "", silent)
		requireFlawIn(t, err, 1, 1)
	})
}

func TestPruneIsOfEveryChain(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		require.NoError(t, h.Look(t.Context()))
		h.recordIn(t, 1, 3)
		h.recordIn(t, 2, 5)
		h.clock.Advance(24 * time.Hour)
		day := h.clock.Now()
		h.recordIn(t, 2, 1)
		h.recordIn(t, 7, 2) // younger
		require.EqualValues(t, 11, h.verified(t))
		removed, err := h.Prune(t.Context(), day, silent)
		require.NoError(t, err)
		require.EqualValues(t, 8, removed)
		require.EqualValues(t, 3+2, h.verified(t), "two chains say that they were pruned")
		_, err = h.Prune(t.Context(), day, silent)
		require.Error(t, err)
	})
}

func disarm(t *testing.T, db *database.DB) {
	t.Helper()
	if db.Engine() == database.Postgres {
		run(t, db, "ALTER TABLE audit_entries DISABLE TRIGGER USER")
		run(t, db, "ALTER TABLE audit_heads DISABLE TRIGGER USER")
		return
	}
	for _, trigger := range []string{"audit_entries_refuse_delete", "audit_heads_refuse_update", "audit_heads_refuse_delete"} {
		run(t, db, "DROP TRIGGER "+trigger)
	}
}

func run(t *testing.T, db *database.DB, statement string, values ...any) {
	t.Helper()
	require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
}
