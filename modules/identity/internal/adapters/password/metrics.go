package password

import (
	"github.com/prometheus/client_golang/prometheus"

	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/telemetry"
)

func newRefusals() *prometheus.CounterVec {
	return telemetry.Counters("healthcare_password_hash_refusals_total",
		"Passwords that were not hashed: no_room for the preceding query, queue_full, waited too long in the queue, "+
			"or gone, because the request ended.",
		"reason", "no_room", "queue_full", "waited", "gone")
}

func newDurations() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "healthcare_password_hash_duration_seconds",
		Help:    "Duration of a hash, without the wait for a slot.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	})
}

// Collectors returns the metrics of a hasher from New.
func Collectors(passwords ports.Passwords) []prometheus.Collector {
	h, ok := passwords.(*hasher)
	if !ok {
		return nil
	}
	count := func(of func() int) func() float64 { return func() float64 { return float64(of()) } }
	return []prometheus.Collector{
		telemetry.Gauge(
			"healthcare_password_hash_slots",
			"Hashes that may run at once.",
			count(func() int { return h.gate.size }),
		),
		telemetry.Gauge(
			"healthcare_password_hash_slots_in_use",
			"Hashes that are running.",
			count(func() int { n, _ := h.gate.load(); return n }),
		),
		telemetry.Gauge(
			"healthcare_password_hash_waiting",
			"Callers that wait for a slot.",
			count(func() int { _, n := h.gate.load(); return n }),
		),
		h.gate.refusals, h.durations,
	}
}
