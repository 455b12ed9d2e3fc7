package app_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/databasetest"
)

func TestCompactCheckpoints(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	kept, all, err := h.CompactCheckpoints()
	require.NoError(t, err)
	require.Zero(t, kept+all)
	for range 3 { // days
		for range 4 {
			h.record(t, 1)
			require.NoError(t, h.Finish(t.Context()))
			h.clock.Advance(10 * time.Minute)
		}
		h.appendTo(t, 2, 1)
		require.NoError(t, h.Finish(t.Context()))
		h.clock.Advance(24*time.Hour - 40*time.Minute)
	}
	before := h.checkpoints.count()
	kept, all, err = h.CompactCheckpoints()
	require.NoError(t, err)
	require.Equal(t, []int{6, 15, before}, []int{kept, all, all}, "the last of three days and two chains")
	require.Equal(t, 6, h.checkpoints.count())
	require.EqualValues(t, 15, h.verified(t))
	require.NoError(t, h.restarted().Resume(t.Context()))
	t.Run("an end that was cut off is still found", func(t *testing.T) {
		rollBack(t, h.db, 11)
		_, err := h.Verify(t.Context(), "", noProgress)
		requireFlaw(t, err, 12)
	})
	t.Run("fails for a line that is not signed", func(t *testing.T) {
		h.checkpoints.lines = append(h.checkpoints.lines, `{"chain":9}`+"\n"...)
		_, _, err := h.CompactCheckpoints()
		require.ErrorIs(t, err, domain.ErrNoCheckpoint)
		require.ErrorContains(t, err, "line 7")
	})
}

// A line that was torn by a kill is reported, and neither hides the next one nor fails the verification.
func TestTornCheckpoints(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	for range 3 {
		h.record(t, 1)
		require.NoError(t, h.Finish(t.Context()))
	}
	lines := bytes.SplitAfter(h.checkpoints.lines, []byte("\n"))
	half := lines[1][:len(lines[1])/2]
	for name, one := range map[string]struct {
		lines []byte
		torn  []int
	}{
		"a torn last line":        {slices.Concat(lines[0], lines[1], lines[2], half), []int{4}},
		"a torn line":             {slices.Concat(lines[0], half, []byte("\n"), lines[2]), []int{2}},
		"a line after a torn one": {slices.Concat(lines[0], half, lines[2]), []int{2}},
		"an empty line":           {slices.Concat(lines[0], []byte("\n"), lines[2]), nil},
	} {
		t.Run(name, func(t *testing.T) {
			h.checkpoints.lines = one.lines
			report, err := h.Verify(t.Context(), "", noProgress)
			require.NoError(t, err)
			require.Equal(t, one.torn, report.Torn)
			keeper := h.restarted()
			require.NoError(t, keeper.Resume(t.Context()))
			before := h.checkpoints.count()
			require.NoError(t, keeper.Finish(t.Context()))
			require.Equal(t, before, h.checkpoints.count(), "Resume knows the last checkpoint")
		})
	}
}
