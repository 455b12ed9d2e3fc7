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
		october, december := time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)
		h.clock.Advance(october.Sub(now))
		require.NoError(t, h.Look(t.Context())) // makes the months
		h.record(t, 5)
		h.clock.Advance(31 * 24 * time.Hour)
		require.NoError(t, h.Look(t.Context()))
		h.record(t, 3)
		require.NoError(t, h.Finish(t.Context()))
		november := h.clock.Now()

		t.Run("removes nothing when nothing is that old", func(t *testing.T) {
			_, err := h.Prune(t.Context(), october, silent)
			require.ErrorIs(t, err, trail.ErrNothingToPrune)
			require.EqualValues(t, 8, h.verified(t))
		})
		t.Run("removes what is older, says so in the trail, and what is left verifies", func(t *testing.T) {
			removed, err := h.Prune(t.Context(), november, silent)
			require.NoError(t, err)
			require.EqualValues(t, 5, removed)
			left := h.entries(t)
			require.Len(t, left, 4)
			require.EqualValues(t, 6, left[0].Sequence)
			require.Equal(t, "trail_pruned", left[3].Action)
			require.Equal(t, "operator", left[3].Role)
			require.EqualValues(t, 5, left[3].Count)
			require.EqualValues(t, 4, h.verified(t))
			var about []int64
			require.NoError(t, db.Read(t.Context()).Raw("SELECT sequence FROM audit_subjects ORDER BY sequence").Scan(&about).Error)
			require.Equal(t, []int64{6, 7, 8}, about, "whom they were about has gone with them")
		})
		if db.Engine() == database.Postgres {
			t.Run("drops a month as a whole", func(t *testing.T) {
				var months []string
				require.NoError(t, db.Read(t.Context()).Raw("SELECT relname FROM pg_class WHERE relname ~ '^audit_entries_20' AND relkind = 'r' ORDER BY 1").Scan(&months).Error)
				require.Equal(t, []string{"audit_entries_2026_11", "audit_entries_2026_12"}, months)
			})
		}
		t.Run("can be done again, also up to what is not yet", func(t *testing.T) {
			h.clock.Advance(december.Sub(h.clock.Now()))
			h.record(t, 1)
			h.clock.Advance(time.Second)
			removed, err := h.Prune(t.Context(), h.clock.Now().AddDate(1, 0, 0), silent)
			require.NoError(t, err)
			require.EqualValues(t, 5, removed)
			require.EqualValues(t, 1, h.verified(t))
			h.record(t, 2)
			require.EqualValues(t, 3, h.verified(t))
		})
	})
}
