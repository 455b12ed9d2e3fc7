package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestPrune(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		october := time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)
		december := time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)
		h.clock.Advance(october.Sub(now))
		h.record(t, 5)
		h.seal(t)
		h.clock.Advance(31 * 24 * time.Hour)
		h.record(t, 3)
		require.NoError(t, h.Finish(t.Context()))
		november := h.clock.Now()

		t.Run("deletes no entry if none is old enough", func(t *testing.T) {
			removed, err := h.Prune(t.Context(), october, noProgress)
			require.NoError(t, err)
			require.Zero(t, removed)
			require.EqualValues(t, 8, h.verified(t))
		})
		t.Run("deletes older entries, records that, and the remaining trail verifies", func(t *testing.T) {
			removed, err := h.Prune(t.Context(), november, noProgress)
			require.NoError(t, err)
			require.EqualValues(t, 5, removed)
			left := h.entries(t)
			require.Len(t, left, 4)
			require.EqualValues(t, 6, left[0].Sequence)
			require.Equal(t, "trail_pruned", left[3].Action)
			require.Equal(t, "operator", left[3].Role)
			require.EqualValues(t, 5, left[3].Count)
			require.EqualValues(t, 4, h.verified(t))
			var rows int64
			require.NoError(t, db.Read(t.Context()).Table("audit_index").Count(&rows).Error)
			require.Zero(t, rows, "deletes the index rows, too")
		})
		t.Run("refuses a time in the future", func(t *testing.T) {
			_, err := h.Prune(t.Context(), h.clock.Now().Add(time.Microsecond), noProgress)
			require.ErrorContains(t, err, "choose a day that has begun")
		})
		t.Run("prunes again, up to now", func(t *testing.T) {
			h.clock.Advance(december.Sub(h.clock.Now()))
			h.record(t, 1)
			h.seal(t)
			h.clock.Advance(time.Second)
			removed, err := h.Prune(t.Context(), h.clock.Now(), noProgress)
			require.NoError(t, err)
			require.EqualValues(t, 4, removed, "entries of the last day remain")
			require.EqualValues(t, 2, h.verified(t))
			h.record(t, 2)
			require.EqualValues(t, 4, h.verified(t))
		})
		t.Run("an anchor that was moved further is a flaw", func(t *testing.T) {
			h.clock.Advance(48 * time.Hour)
			h.record(t, 1)
			segments := h.seal(t)
			end := segments[1].End()
			exec(t, db, "UPDATE audit_chain SET anchor_number = ?, anchor_sequence = ?, anchor_mac = ?",
				end.Number, end.Sequence, end.MAC[:])
			exec(t, db, "DELETE FROM audit_segments WHERE number <= ?", end.Number)
			_, err := h.Verify(t.Context(), "", noProgress)
			requireFlaw(t, err, end.Number)
			require.ErrorContains(t, err, "has no record that they were pruned")
		})
	})
}

// A segment with a time in the future does not keep the entries after it, nor does it let recent ones be deleted.
func TestPruneAfterAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		const day = 24 * time.Hour
		seal := func(entries int) {
			h.record(t, entries)
			h.seal(t)
		}
		seal(1)
		h.clock.Advance(365 * day)
		seal(2)
		h.clock.Advance(-365 * day)
		h.clock.Advance(3 * day)
		seal(4)
		h.clock.Advance(3 * day)
		seal(8)
		h.clock.Advance(365 * day)
		seal(16)
		h.clock.Advance(-365 * day)
		removed, err := h.Prune(t.Context(), h.clock.Now().Add(-day), noProgress)
		require.NoError(t, err)
		require.EqualValues(t, 7, removed)
		require.EqualValues(t, 8+16+1, h.verified(t))
	})
}

// A pruning that was interrupted is completed by the next one.
func TestPruneContinues(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		for range 3 {
			h.record(t, 2)
			h.seal(t)
			h.clock.Advance(25 * time.Hour)
		}
		day := h.clock.Now()
		h.record(t, 1)
		h.seal(t)
		ctx, cancel := context.WithCancel(t.Context())
		blocks := 0
		_, err := h.Prune(ctx, day, func(done, all int64) {
			if all == 3 { // segments
				if blocks++; blocks == 2 {
					cancel()
				}
			}
		})
		require.Error(t, err)
		require.EqualValues(t, 2, h.verified(t), "the anchors are moved first")
		count := func(table string) (rows int64) {
			require.NoError(t, db.Read(t.Context()).Table(table).Count(&rows).Error)
			return rows
		}
		require.Positive(t, count("audit_index"))
		h.clock.Advance(25 * time.Hour)
		h.record(t, 1)
		h.seal(t)
		_, err = h.Prune(t.Context(), h.clock.Now(), noProgress)
		require.NoError(t, err)
		require.Zero(t, count("audit_index"))
		require.EqualValues(t, 2, h.verified(t))
	})
}
