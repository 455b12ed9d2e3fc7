package store_test

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/migrations"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest/cluster"
)

// BenchmarkAttemptsCheck is what a sign-in that is refused costs.
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

// BenchmarkAttemptsCount is what counting adds to a sign-in that is let through, at a new account and client each time.
func BenchmarkAttemptsCount(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, attempts ports.Attempts) {
		for n := 0; b.Loop(); n++ {
			require.NoError(b, attempts.Count(b.Context(), from(n%60_000, fmt.Sprintf("user%d@example.com", n))))
		}
	})
}

// BenchmarkAttemptsSucceeded is what a right password adds, after it was counted.
func BenchmarkAttemptsSucceeded(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, attempts ports.Attempts) {
		for b.Loop() {
			require.NoError(b, attempts.Succeeded(b.Context(), from(1, "asha@example.com")))
		}
	})
}

func eachBenchmark(b *testing.B, bench func(b *testing.B, attempts ports.Attempts)) {
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			bench(b, store.NewAttempts(fresh(b, engine), attemptsKey, attemptLimits, clock.At(now)))
		})
	}
}

// fresh is an empty, migrated database.
func fresh(b *testing.B, engine database.Engine) *database.DB {
	b.Helper()
	cfg := database.Config{
		Path: filepath.Join(b.TempDir(), "healthcare.db"), PoolSize: 2, ConnectTimeout: time.Minute, LockTimeout: time.Minute,
		StatementTimeout: 10 * time.Minute, IdleInTxTimeout: 10 * time.Minute,
	}
	open := func() *database.DB {
		db, err := database.Open(cfg, zap.NewNop())
		require.NoError(b, err)
		b.Cleanup(func() { _ = db.Close() })
		require.NoError(b, db.Connect(b.Context()))
		return db
	}
	if engine == database.Postgres {
		var err error
		cfg.URL, err = cluster.URL()
		require.NoError(b, err)
		name := "healthcare_bench_" + uuid.NewString()
		server := open()
		require.NoError(b, server.Write(b.Context()).Exec(fmt.Sprintf("CREATE DATABASE %q", name)).Error)
		b.Cleanup(func() { // after its own connections and before the server's are closed
			require.NoError(b, server.Write(context.Background()).Exec(fmt.Sprintf("DROP DATABASE %q WITH (FORCE)", name)).Error)
		})
		at, err := url.Parse(cfg.URL)
		require.NoError(b, err)
		at.Path = "/" + name
		cfg.URL = at.String()
	}
	db := open()
	_, err := db.Migrate(b.Context(), migrations.All())
	require.NoError(b, err)
	return db
}
