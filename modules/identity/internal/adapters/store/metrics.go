package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/telemetry"
)

// limits are the throttle's, as the metrics call them.
var limits = map[domain.Scope]string{
	domain.Account: "account", domain.Client: "client", domain.WideClient: "client", domain.Pair: "client_at_account",
}

func newRefusals() *prometheus.CounterVec {
	return telemetry.Counters("healthcare_password_attempts_refused_total",
		"Password attempts rejected, by the limit with the longest wait.", "limit",
		limits[domain.Account], limits[domain.Client], limits[domain.Pair])
}

// admit returns the error of the limit that rejects the attempt, and counts the rejection by limit.
func (a *attempts) admit(t domain.Tallies, attempt domain.Attempt, now time.Time) error {
	err := a.limits.Admit(t, attempt.SignedIn, now)
	if scope, blocked := domain.BlockedBy(err); blocked {
		a.refused.WithLabelValues(limits[scope]).Inc()
	}
	return err
}

// AttemptCollectors returns the metrics of attempts to prove a password, which NewAttempts counts.
func AttemptCollectors(counted ports.Attempts) []prometheus.Collector {
	a, ours := counted.(*attempts)
	if !ours {
		return nil
	}
	return []prometheus.Collector{a.refused, a.made, a.right}
}
