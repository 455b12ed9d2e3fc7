package app_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func requireFlaw(t *testing.T, err error, first int64) {
	t.Helper()
	var flaw *domain.Flaw
	require.ErrorAs(t, err, &flaw)
	require.Equal(t, first, flaw.Sequence, flaw.Why)
}

func TestVerifyAndExport(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		require.Zero(t, h.verified(t))
		require.NoError(t, h.Record(t.Context(), someone(), make1500()...))
		require.NoError(t, h.Look(t.Context()))
		require.Equal(t, 1, h.checkpoints.count())

		var export bytes.Buffer
		t.Run("an export holds all, is recorded itself, and verifies without the store", func(t *testing.T) {
			written, err := h.Export(t.Context(), &export, silent)
			require.NoError(t, err)
			require.EqualValues(t, 1501, written)
			require.Equal(t, 1501+domain.Chains, strings.Count(export.String(), "\n"))
			var heard [][2]int64
			sound, err := h.VerifyExport(bytes.NewReader(export.Bytes()), "", func(done, all int64) { heard = append(heard, [2]int64{done, all}) })
			require.NoError(t, err)
			require.EqualValues(t, 1501, sound)
			require.NotEmpty(t, heard)
			require.EqualValues(t, 1501, h.verified(t))
		})
		t.Run("an export with another byte does not", func(t *testing.T) {
			for _, edit := range [][2]string{{`"status":200`, `"status":201`}, {`"action":"read"`, `"action":"list"`}, {`"staff"`, `"admin"`}, {`"key_id":"entries"`, `"key_id":"other"`}} {
				tampered := strings.Replace(export.String(), edit[0], edit[1], 1)
				require.NotEqual(t, export.String(), tampered)
				_, err := h.VerifyExport(strings.NewReader(tampered), "", silent)
				requireFlaw(t, err, 1)
			}
			lines := strings.SplitAfter(export.String(), "\n")
			_, err := h.VerifyExport(strings.NewReader(strings.Join(append(lines[:700:700], lines[701:]...), "")), "", silent)
			requireFlaw(t, err, 700)
			_, err = h.VerifyExport(strings.NewReader(strings.Join(lines[:1200], "")), "", silent)
			requireFlaw(t, err, 1200)
			for _, none := range []string{"", "x\n", "{}\n", lines[1], lines[0] + "x\n", lines[0] + `{"entry_of":1,"more":2}`} {
				_, err := h.VerifyExport(strings.NewReader(none), "", silent)
				require.Error(t, err, none)
			}
		})
		t.Run("a line that is no checkpoint is named", func(t *testing.T) {
			sound := h.checkpoints.lines
			h.checkpoints.lines = append(bytes.Clone(sound), bytes.Replace(sound, []byte(`"sequence":1500`), []byte(`"sequence":1400`), 1)...)
			_, err := h.Verify(t.Context(), "", silent)
			require.ErrorIs(t, err, domain.ErrNoCheckpoint)
			require.ErrorContains(t, err, "line 2")
			h.checkpoints.lines = sound
		})
		t.Run("a server that goes on recording does not disturb", func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for ctx.Err() == nil {
					_ = h.Record(t.Context(), someone(), reading())
					_ = h.Finish(t.Context())
				}
			}()
			for range 5 {
				require.GreaterOrEqual(t, h.verified(t), int64(1501))
			}
			stop()
			<-done
		})
	})
}

func make1500() []audit.Entry {
	all := make([]audit.Entry, 1500)
	for i := range all {
		all[i] = reading()
	}
	return all
}

// TestR41_RollBack puts an old state of the database back, as whoever owns it can, and goes on recording.
func TestR41_RollBack(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		h.record(t, 3)
		require.NoError(t, h.Finish(t.Context()))
		h.record(t, 4)
		require.NoError(t, h.Finish(t.Context()))
		require.EqualValues(t, 7, h.verified(t))

		rollBack(t, db, 5)
		t.Run("is found by the checkpoints", func(t *testing.T) {
			_, err := h.Verify(t.Context(), "", silent)
			requireFlaw(t, err, 6)
		})
		t.Run("and at the next start", func(t *testing.T) {
			requireFlaw(t, h.anotherKeeper().Recall(t.Context()), 7)
		})
		t.Run("also when the trail has grown beyond them", func(t *testing.T) {
			h.record(t, 10)
			_, err := h.Verify(t.Context(), "", silent)
			requireFlaw(t, err, 7)
			requireFlaw(t, h.anotherKeeper().Recall(t.Context()), 7)
		})
		t.Run("and not without them: that is what they are for", func(t *testing.T) {
			h.checkpoints.lines = nil
			require.EqualValues(t, 15, h.verified(t))
		})
	})
}

// rollBack takes the trail back to its first entries, without a trace in the database.
func rollBack(t *testing.T, db *database.DB, left int) {
	t.Helper()
	disarm(t, db)
	run(t, db, "DELETE FROM audit_entries WHERE sequence > ?", left)
	run(t, db, "UPDATE audit_heads SET sequence = ?, mac = (SELECT mac FROM audit_entries WHERE sequence = ?) WHERE chain = 1", left, left)
}
