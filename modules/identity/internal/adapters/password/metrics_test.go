package password

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestGateMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newGated(t, 1, 1, 500*time.Millisecond)
		registry := prometheus.NewRegistry()
		registry.MustRegister(Collectors(h)...)
		requireMetrics := func(expected string, names ...string) {
			t.Helper()
			require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(expected), names...))
		}
		var all sync.WaitGroup
		for range 3 { // one hashes, one waits, one finds the queue full
			all.Go(func() { _, _ = h.Hash(t.Context(), anonymous, "canary") })
			synctest.Wait()
		}
		requireMetrics(`
# HELP healthcare_password_hash_slots_in_use Hashes that are running.
# TYPE healthcare_password_hash_slots_in_use gauge
healthcare_password_hash_slots_in_use 1
# HELP healthcare_password_hash_waiting Callers that wait for a slot.
# TYPE healthcare_password_hash_waiting gauge
healthcare_password_hash_waiting 1
`, "healthcare_password_hash_slots_in_use", "healthcare_password_hash_waiting")
		all.Wait()
		for range lookups {
			_, err := h.Reserve(t.Context(), anonymous.Caller)
			require.NoError(t, err)
		}
		_, err := h.Reserve(t.Context(), anonymous.Caller)
		require.ErrorIs(t, err, ErrBusy)
		for reason, times := range map[string]float64{"queue_full": 1, "waited": 1, "no_room": 1, "gone": 0} {
			require.InDelta(t, times, testutil.ToFloat64(h.gate.refusals.WithLabelValues(reason)), 0, reason)
		}
		count, err := testutil.GatherAndCount(registry)
		require.NoError(t, err)
		require.Equal(t, 8, count)
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, family := range families {
			if histogram := family.GetMetric()[0].GetHistogram(); histogram != nil {
				require.EqualValues(t, 1, histogram.GetSampleCount())
				require.InDelta(t, 1, histogram.GetSampleSum(), 0.001, "seconds, without the wait")
			}
		}
	})
}
