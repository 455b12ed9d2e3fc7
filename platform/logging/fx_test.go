package logging_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/platform/logging"
)

// startAndStop runs an application whose start may fail.
func startAndStop(t *testing.T, level string, failure error) []string {
	t.Helper()
	return written(t, func() {
		app := fx.New(fx.Supply(logging.Config{Level: level}), logging.Module, fx.Invoke(func(lc fx.Lifecycle, log *zap.Logger) {
			lc.Append(fx.Hook{OnStart: func(context.Context) error { log.Info("said"); return failure }})
		}))
		require.NoError(t, app.Err())
		require.ErrorIs(t, app.Start(t.Context()), failure)
		require.NoError(t, app.Stop(t.Context()))
	})
}

func TestFxTellsWhatItDoes(t *testing.T) {
	t.Run("at level debug", func(t *testing.T) {
		lines := startAndStop(t, "debug", nil)
		require.Contains(t, strings.Join(lines, "\n"), "OnStart hook executed")
		require.NotContains(t, strings.Join(lines, "\n"), "stacktrace", "how the graph is put together is nobody's business")
		require.Less(t, len(lines), 10)
	})
	t.Run("at no other level", func(t *testing.T) {
		require.Len(t, startAndStop(t, "info", nil), 1, "what the program itself says")
	})
	t.Run("at no other level when the start fails, which the command line tells", func(t *testing.T) {
		require.Len(t, startAndStop(t, "info", errors.New("busy port")), 1)
	})
}
