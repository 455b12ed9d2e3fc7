package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// BenchmarkAttemptsCheck measures the check of a sign-in that is rejected.
func BenchmarkAttemptsCheck(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, attempts ports.Attempts) {
		attempt := from(1, "asha@example.com")
		for range 5 {
			require.NoError(b, attempts.Count(b.Context(), attempt))
		}
		for b.Loop() {
			_, err := attempts.Check(b.Context(), attempt)
			require.ErrorIs(b, err, domain.ErrTooManyAttempts)
		}
	})
}

// BenchmarkAttemptsCount measures the count of an admitted sign-in, with a new account and client each time.
func BenchmarkAttemptsCount(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, attempts ports.Attempts) {
		for n := 0; b.Loop(); n++ {
			require.NoError(b, attempts.Count(b.Context(), from(n%60_000, fmt.Sprintf("user%d@example.com", n))))
		}
	})
}

// BenchmarkAttemptsSucceeded measures the record of a right password.
func BenchmarkAttemptsSucceeded(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, attempts ports.Attempts) {
		for b.Loop() {
			_, err := attempts.Succeeded(b.Context(), from(1, "asha@example.com"))
			require.NoError(b, err)
		}
	})
}

func eachBenchmark(b *testing.B, bench func(b *testing.B, attempts ports.Attempts)) {
	databasetest.EachBench(b, func(b *testing.B, db *database.DB) {
		bench(b, store.NewAttempts(db, attemptsKey, attemptLimits, clock.At(now)))
	})
}
