package logging

import (
	"context"

	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Module provides the logger and its queue, which is flushed when everything else has stopped. fx itself logs nothing:
// how the graph is put together concerns no operator, and the command line reports a start that fails.
var Module = fx.Options(fx.Module("logging", fx.Provide(logger)), fx.NopLogger)

func logger(lc fx.Lifecycle, cfg Config) (*zap.Logger, *Queue, error) {
	log, queue, err := New(cfg)
	if err == nil {
		lc.Append(fx.Hook{OnStop: func(context.Context) error {
			_ = log.Sync() // nobody reads it: nobody misses it
			return nil
		}})
	}
	return log, queue, err
}
