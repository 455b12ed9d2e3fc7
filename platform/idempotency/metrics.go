package idempotency

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"healthcare/platform/telemetry"
)

func newOutcomes() *prometheus.CounterVec {
	return telemetry.Counters("healthcare_idempotent_requests_total",
		"Requests with an Idempotency-Key: done for the first time, answered as before, refused because one is in flight or the key was used for another, or failed.",
		"outcome", "first", "replayed", "in_flight", "reused", "failed")
}

// count notes what became of a request.
func (k *Keys) count(replayed bool, err error) {
	outcome := "first"
	switch {
	case errors.Is(err, ErrInFlight):
		outcome = "in_flight"
	case errors.Is(err, ErrReused):
		outcome = "reused"
	case err != nil:
		outcome = "failed"
	case replayed:
		outcome = "replayed"
	}
	k.outcomes.WithLabelValues(outcome).Inc()
}

// Collectors tell how often requests were repeated.
func Collectors(k *Keys) []prometheus.Collector { return []prometheus.Collector{k.outcomes} }
