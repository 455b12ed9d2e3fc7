package password

import (
	"github.com/prometheus/client_golang/prometheus"

	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/telemetry"
)

func newRefusals() *prometheus.CounterVec {
	return telemetry.Counters("healthcare_password_hash_refusals_total",
		"Passwords that were not hashed: no_room to come near the gate, its queue_full, waited too long in it, or gone: the client's time was over.",
		"reason", "no_room", "queue_full", "waited", "gone")
}

func newDurations() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "healthcare_password_hash_duration_seconds", Help: "How long a hash took, the wait for a slot not counted.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	})
}

// Collectors tell how busy the gate of passwords is, which New has made.
func Collectors(passwords ports.Passwords) []prometheus.Collector {
	h, ours := passwords.(*hasher)
	if !ours {
		return nil
	}
	count := func(of func() int) func() float64 { return func() float64 { return float64(of()) } }
	return []prometheus.Collector{
		telemetry.Gauge(
			"healthcare_password_hash_slots",
			"Hashes that may be made at once.",
			count(func() int { return h.gate.size }),
		),
		telemetry.Gauge(
			"healthcare_password_hash_slots_in_use",
			"Hashes that are being made.",
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
