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
	require.Equal(t, first, flaw.Sequence, flaw.Reason)
}

func TestVerifyAndExport(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		require.Zero(t, h.verified(t))
		require.NoError(t, h.Record(t.Context(), newStaff(), readings(1500)...))
		require.NoError(t, h.Tick(t.Context()))
		require.Equal(t, 1, h.checkpoints.count())

		var export bytes.Buffer
		t.Run("an export contains every entry, is recorded, and verifies without the store", func(t *testing.T) {
			written, err := h.Export(t.Context(), &export, noProgress)
			require.NoError(t, err)
			require.EqualValues(t, 1501, written)
			require.Equal(t, 1501+domain.Chains, strings.Count(export.String(), "\n"))
			var reports [][2]int64
			progress := func(done, all int64) { reports = append(reports, [2]int64{done, all}) }
			sound, err := h.VerifyExport(bytes.NewReader(export.Bytes()), "", progress)
			require.NoError(t, err)
			require.EqualValues(t, 1501, sound)
			require.NotEmpty(t, reports)
			require.EqualValues(t, 1501, h.verified(t))
		})
		t.Run("a changed export does not verify", func(t *testing.T) {
			for _, edit := range [][2]string{
				{`"status":200`, `"status":201`},
				{`"action":"read"`, `"action":"list"`},
				{`"staff"`, `"admin"`},
				{`"key_id":"entries"`, `"key_id":"other"`},
			} {
				tampered := strings.Replace(export.String(), edit[0], edit[1], 1)
				require.NotEqual(t, export.String(), tampered)
				_, err := h.VerifyExport(strings.NewReader(tampered), "", noProgress)
				requireFlaw(t, err, 1)
			}
			lines := strings.SplitAfter(export.String(), "\n")
			gap := strings.Join(append(lines[:700:700], lines[701:]...), "")
			_, err := h.VerifyExport(strings.NewReader(gap), "", noProgress)
			requireFlaw(t, err, 700)
			_, err = h.VerifyExport(strings.NewReader(strings.Join(lines[:1200], "")), "", noProgress)
			requireFlaw(t, err, 1200)
			for _, invalid := range []string{
				"", "x\n", "{}\n", lines[1], lines[0] + "x\n", lines[0] + `{"entry_of":1,"more":2}`,
			} {
				_, err := h.VerifyExport(strings.NewReader(invalid), "", noProgress)
				require.Error(t, err, invalid)
			}
		})
		t.Run("the error names the line of an invalid checkpoint", func(t *testing.T) {
			sound := h.checkpoints.lines
			changed := bytes.Replace(sound, []byte(`"sequence":1500`), []byte(`"sequence":1400`), 1)
			h.checkpoints.lines = append(bytes.Clone(sound), changed...)
			_, err := h.Verify(t.Context(), "", noProgress)
			require.ErrorIs(t, err, domain.ErrNoCheckpoint)
			require.ErrorContains(t, err, "line 2")
			h.checkpoints.lines = sound
		})
		t.Run("verifies while a server records", func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for ctx.Err() == nil {
					_ = h.Record(t.Context(), newStaff(), reading())
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

// readings returns n entries of different patients.
func readings(n int) []audit.Entry {
	all := make([]audit.Entry, n)
	for i := range all {
		all[i] = reading()
	}
	return all
}

// TestR41_RollBack restores an old state of the database, as its owner can, and continues recording.
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
		t.Run("the checkpoints reveal it", func(t *testing.T) {
			_, err := h.Verify(t.Context(), "", noProgress)
			requireFlaw(t, err, 6)
		})
		t.Run("Resume reveals it", func(t *testing.T) {
			requireFlaw(t, h.newCheckpointer().Resume(t.Context()), 7)
		})
		t.Run("both reveal it after the trail has grown beyond the checkpoints", func(t *testing.T) {
			h.record(t, 10)
			_, err := h.Verify(t.Context(), "", noProgress)
			requireFlaw(t, err, 7)
			requireFlaw(t, h.newCheckpointer().Resume(t.Context()), 7)
		})
		t.Run("it is not found without checkpoints", func(t *testing.T) {
			h.checkpoints.lines = nil
			require.EqualValues(t, 15, h.verified(t))
		})
	})
}

// rollBack deletes all entries except the first ones, without a trace in the database.
func rollBack(t *testing.T, db *database.DB, left int) {
	t.Helper()
	disableTriggers(t, db)
	exec(t, db, "DELETE FROM audit_entries WHERE sequence > ?", left)
	exec(t, db, `UPDATE audit_heads
		SET sequence = ?, mac = (SELECT mac FROM audit_entries WHERE sequence = ?) WHERE chain = 1`, left, left)
}
