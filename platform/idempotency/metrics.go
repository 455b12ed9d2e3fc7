package idempotency

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"healthcare/platform/telemetry"
)

func newOutcomes() *prometheus.CounterVec {
	return telemetry.Counters("healthcare_idempotent_requests_total",
		"Requests with an Idempotency-Key: executed, answered with the stored response, rejected because one is "+
			"in flight or the key was used for another request, or failed.",
		"outcome", "first", "replayed", "in_flight", "reused", "failed")
}

// count counts the outcome of a request.
func (s *Store) count(replayed bool, err error) {
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
	s.outcomes.WithLabelValues(outcome).Inc()
}

// Collectors returns the number of requests by outcome.
func Collectors(s *Store) []prometheus.Collector { return []prometheus.Collector{s.outcomes} }
