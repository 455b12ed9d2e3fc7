package logging

import (
	"context"

	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Module provides the logger and its queue, which is flushed after everything else has stopped. fx itself logs nothing:
// the construction of the graph does not concern operators, and the command line reports a failed start.
var Module = fx.Options(fx.Module("logging", fx.Provide(logger)), fx.NopLogger)

func logger(lc fx.Lifecycle, cfg Config) (*zap.Logger, *Queue, error) {
	log, queue, err := New(cfg)
	if err == nil {
		lc.Append(fx.Hook{OnStop: func(context.Context) error {
			_ = log.Sync() // an unread log is not an error
			return nil
		}})
	}
	return log, queue, err
}
