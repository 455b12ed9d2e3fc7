package telemetry

import (
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestRegistry(t *testing.T) {
	all := []prometheus.Collector{
		Counters("things_total", "Things.", "kind", "one", "other"),
		Counter("more_things_total", "More.", func() float64 { return 3 }),
		Gauge("things_waiting", "Waiting.", func() float64 { return 4 }),
	}
	registry := NewRegistry(Config{Version: "1.2.3"}, all...)
	series, err := testutil.GatherAndCount(
		registry, "things_total", "more_things_total", "things_waiting", "healthcare_build_info", "go_goroutines",
		"process_start_time_seconds",
	)
	require.NoError(t, err)
	require.Equal(t, 7, series, "all labels exist from the start")
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Panics(t, func() { NewRegistry(Config{}, all[0], all[0]) })
}

func TestSDKErrorsAreLoggedOnceAMinute(t *testing.T) {
	core, lines := observer.New(zap.DebugLevel)
	s := newLimitedLogger(zap.New(core))
	logger := logr.New(s).WithName("sdk").WithValues("authorization", "hunter2")
	logger.Error(errors.New("hunter2"), "parse headers", "input", "hunter2")
	for range 5 {
		s.Handle(errors.New("no collector"))
		logger.V(1).Info("dropped", "input", "hunter2")
	}
	require.Equal(t, 1, lines.Len())
	s.next = time.Now().Add(-time.Second) // a minute later
	s.Handle(errors.New("no collector"))
	logger.V(4).Info("debug")
	all := lines.All()
	require.Len(t, all, 2)
	require.Equal(
		t, map[string]any{"warning": "parse headers", "not_logged_before": int64(0)}, all[0].ContextMap(),
		"no value: it may be a credential",
	)
	require.Equal(t, map[string]any{"error": "no collector", "not_logged_before": int64(10)}, all[1].ContextMap())
}

func TestDisabledTracing(t *testing.T) {
	disabled, err := NewTracing(Config{}, zap.NewNop())
	require.NoError(t, err)
	require.False(t, disabled.Enabled())
	require.NoError(t, disabled.Shutdown(t.Context()))
	require.Empty(t, TraceID(t.Context()))
	require.Zero(t, testing.AllocsPerRun(1000, func() { _ = disabled.Enabled(); _ = TraceID(t.Context()) }))
}
