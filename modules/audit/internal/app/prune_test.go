package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	trail "healthcare/modules/audit"
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
		require.NoError(t, h.Tick(t.Context())) // creates the partitions of the months
		h.record(t, 5)
		h.clock.Advance(31 * 24 * time.Hour)
		require.NoError(t, h.Tick(t.Context()))
		h.record(t, 3)
		require.NoError(t, h.Finish(t.Context()))
		november := h.clock.Now()

		t.Run("deletes no entry if none is old enough", func(t *testing.T) {
			_, err := h.Prune(t.Context(), october, noProgress)
			require.ErrorIs(t, err, trail.ErrNothingToPrune)
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
			var indexed []int64
			query := "SELECT sequence FROM audit_subjects ORDER BY sequence"
			require.NoError(t, db.Read(t.Context()).Raw(query).Scan(&indexed).Error)
			require.Equal(t, []int64{6, 7, 8}, indexed, "deletes the index rows, too")
		})
		if db.Engine() == database.Postgres {
			t.Run("drops the partition of a month", func(t *testing.T) {
				var months []string
				query := "SELECT relname FROM pg_class WHERE relname ~ '^audit_entries_20' AND relkind = 'r' ORDER BY 1"
				require.NoError(t, db.Read(t.Context()).Raw(query).Scan(&months).Error)
				require.Equal(t, []string{"audit_entries_2026_11", "audit_entries_2026_12"}, months)
			})
		}
		t.Run("prunes again, up to a time in the future", func(t *testing.T) {
			h.clock.Advance(december.Sub(h.clock.Now()))
			h.record(t, 1)
			h.clock.Advance(time.Second)
			removed, err := h.Prune(t.Context(), h.clock.Now().AddDate(1, 0, 0), noProgress)
			require.NoError(t, err)
			require.EqualValues(t, 5, removed)
			require.EqualValues(t, 1, h.verified(t))
			h.record(t, 2)
			require.EqualValues(t, 3, h.verified(t))
		})
	})
}
