package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/migrations"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/idempotency"
)

// An error of any statement is returned. The failed request leaves no rows, and its key can be used again.
func TestStoreErrors(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		store := func(t *testing.T, key string) {
			t.Helper()
			_, _, err := d.Once(t.Context(), request(key), d.effect(key))
			require.NoError(t, err)
		}
		t.Run("of a first request", func(t *testing.T) {
			require.NoError(t, databasetest.RunWithFaults(t, d.db, func(ctx context.Context) error {
				_, replayed, err := d.Once(ctx, request("first"), d.effect("first"))
				require.False(t, replayed && err == nil)
				return err
			}))
			require.Equal(t, 1, d.count(t, "first"))
		})
		t.Run("of a repetition", func(t *testing.T) {
			require.NoError(t, databasetest.RunWithFaults(t, d.db, func(ctx context.Context) error {
				given, replayed, err := d.Once(ctx, request("first"), d.effect("first"))
				if err == nil {
					require.True(t, replayed)
					require.Equal(t, created("first"), given)
				}
				return err
			}))
			require.Equal(t, 1, d.count(t, "first"))
		})
		t.Run("while an expired key is deleted", func(t *testing.T) {
			store(t, "expired")
			d.clock.Advance(idempotency.Lifetime)
			require.NoError(t, databasetest.RunWithFaults(t, d.db, func(ctx context.Context) error {
				_, replayed, err := d.Once(ctx, request("expired"), d.effect("again"))
				require.False(t, replayed)
				return err
			}))
			require.Equal(t, 1, d.count(t, "again"))
		})
		t.Run("while a user's keys are deleted", func(t *testing.T) {
			store(t, "mine")
			require.NoError(t, databasetest.RunWithFaults(t, d.db, func(ctx context.Context) error {
				_, err := d.DeleteByUser(ctx, request("mine").User, 1000)
				return err
			}))
			require.Zero(t, d.count(t, ""))
		})
		t.Run("while expired keys are swept, with or without the bodies", func(t *testing.T) {
			store(t, "swept")
			d.clock.Advance(idempotency.Lifetime)
			require.NoError(t, databasetest.RunWithFaults(t, d.db, d.Sweep, "idempotency_keys"))
			require.Zero(t, d.count(t, ""))
		})
	})
}

// A stored response that cannot be read must not be replayed without its headers, and must not run the effect again.
func TestUnreadableStoredHeaders(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		_, _, err := d.Once(t.Context(), request("broken"), d.effect("broken"))
		require.NoError(t, err)
		for _, header := range []string{"", "{", `["Location"]`, `{"Location": 1}`} {
			broken := d.db.Write(t.Context()).Exec(`UPDATE idempotency_keys SET header = ?`, header)
			require.NoError(t, broken.Error)
			_, _, err := d.Once(t.Context(), request("broken"), d.effect("broken"))
			require.Error(t, err, header)
			require.Equal(t, errs.Internal, errs.KindOf(err), header)
			require.Equal(t, 1, d.count(t, "broken"))
		}
	})
}

func TestRunLogsAnErrorAndContinues(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		_, _, err := d.Once(t.Context(), request("later"), d.effect("later"))
		require.NoError(t, err)
		d.clock.Advance(idempotency.Lifetime)
		rename := func(from, to string) {
			require.NoError(t, d.db.Write(t.Context()).Exec(`ALTER TABLE `+from+` RENAME TO `+to).Error)
		}
		rename("idempotency_keys", "elsewhere")
		core, lines := observer.New(zap.WarnLevel)
		idempotency.SweepEvery(d.Store, 5*time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { d.Run(ctx, zap.New(core)); close(ended) }()
		require.Eventually(t, func() bool { return lines.Len() > 1 }, 10*time.Second, 5*time.Millisecond)
		rename("elsewhere", "idempotency_keys")
		require.Eventually(t, func() bool { return d.count(t, "") == 0 }, 10*time.Second, 5*time.Millisecond)
		cancel()
		<-ended
		require.Contains(t, lines.All()[0].Message, "expired Idempotency-Keys were not removed")
	})
}

func TestSweepEndsWithItsContext(t *testing.T) {
	each(t, func(t *testing.T, d env) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, d.Sweep(ctx))
	})
}

func TestOutcomesAreCounted(t *testing.T) {
	t.Parallel()
	d := another(t, env{cfg: sqliteOnly(t), clock: clock.At(now)})
	succeeds := func(context.Context) (idempotency.Response, error) { return created("x"), nil }
	for range 2 {
		_, _, err := d.Once(t.Context(), request("x"), succeeds)
		require.NoError(t, err)
	}
	reused := request("x")
	reused.Fingerprint = "g"
	_, _, err := d.Once(t.Context(), reused, succeeds)
	require.ErrorIs(t, err, idempotency.ErrReused)
	failed := errors.New("failed")
	_, _, err = d.Once(t.Context(), request("y"), func(ctx context.Context) (idempotency.Response, error) {
		_, _, err := d.Once(t.Context(), request("y"), succeeds)
		require.ErrorIs(t, err, idempotency.ErrInFlight)
		return idempotency.Response{}, failed
	})
	require.ErrorIs(t, err, failed)
	const name = "healthcare_idempotent_requests_total"
	want := "# TYPE " + name + " counter\n"
	for _, outcome := range []string{"failed", "first", "in_flight", "replayed", "reused"} {
		want += name + `{outcome="` + outcome + "\"} 1\n"
	}
	counters := prometheus.NewRegistry()
	for _, c := range idempotency.Collectors(d.Store) {
		counters.MustRegister(c)
	}
	found, err := counters.Gather()
	require.NoError(t, err)
	got := "# TYPE " + name + " counter\n"
	for _, m := range found[0].GetMetric() {
		got += fmt.Sprintf(
			"%s{outcome=%q} %v\n", found[0].GetName(), m.GetLabel()[0].GetValue(), m.GetCounter().GetValue(),
		)
	}
	require.Equal(t, want, got)
}

// sqliteOnly returns the configuration of a SQLite database.
func sqliteOnly(t *testing.T) database.Config {
	t.Helper()
	cfg := database.Config{
		Path: filepath.Join(t.TempDir(), "healthcare.db"), PoolSize: 2,
		ConnectTimeout: time.Minute, LockTimeout: time.Minute,
	}
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	_, err = db.Migrate(t.Context(), migrations.All())
	require.NoError(t, err)
	require.NoError(t, db.Close())
	return cfg
}
