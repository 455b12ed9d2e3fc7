package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/domain"
)

func TestAttemptMetrics(t *testing.T) {
	eachTally(t, func(t *testing.T, attempts tally) {
		registry := prometheus.NewRegistry()
		registry.MustRegister(store.AttemptCollectors(attempts.Attempts)...)
		asha := from(1, "asha@clinic.example")
		attempts.succeed(t, asha)
		attempts.fail(t, asha, attemptLimits.FreeAttempts)
		require.ErrorIs(t, attempts.check(t.Context(), asha), domain.ErrTooManyAttempts)
		require.ErrorIs(t, attempts.Count(t.Context(), asha), domain.ErrTooManyAttempts)
		for n := range attemptLimits.ClientFailures {
			if attempts.check(t.Context(), from(2, fmt.Sprint(n))) == nil {
				attempts.fail(t, from(2, fmt.Sprint(n)), 1)
			}
		}
		require.ErrorIs(t, attempts.check(t.Context(), from(2, "another")), domain.ErrTooManyAttempts)
		require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP healthcare_password_attempts_refused_total Password attempts rejected, by the limit with the longest wait.
# TYPE healthcare_password_attempts_refused_total counter
healthcare_password_attempts_refused_total{limit="account"} 0
healthcare_password_attempts_refused_total{limit="client"} 1
healthcare_password_attempts_refused_total{limit="client_at_account"} 2
# HELP healthcare_password_attempts_total Password attempts admitted; each costs a hash.
# TYPE healthcare_password_attempts_total counter
healthcare_password_attempts_total 26
# HELP healthcare_password_attempts_right_total Attempts whose password was right.
# TYPE healthcare_password_attempts_right_total counter
healthcare_password_attempts_right_total 1
`)))
	})
}
