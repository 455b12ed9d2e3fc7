package logging_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/platform/logging"
)

// startAndStop runs an application whose start may fail, and returns what it logged at level debug.
func startAndStop(t *testing.T, failure error) []string {
	t.Helper()
	return written(t, func() {
		app := fx.New(
			fx.Supply(logging.Config{Level: "debug"}),
			logging.Module,
			fx.Invoke(func(lc fx.Lifecycle, log *zap.Logger) {
				lc.Append(fx.Hook{OnStart: func(context.Context) error { log.Info("started"); return failure }})
			}),
		)
		require.NoError(t, app.Err())
		require.ErrorIs(t, app.Start(t.Context()), failure)
		require.NoError(t, app.Stop(t.Context()))
	})
}

func TestFxLogsNothing(t *testing.T) {
	t.Run("when the program starts and stops", func(t *testing.T) {
		require.Len(t, startAndStop(t, nil), 1, "only the line of the program itself")
	})
	t.Run("when the start fails, which the command line reports", func(t *testing.T) {
		require.Len(t, startAndStop(t, errors.New("busy port")), 1)
	})
}
