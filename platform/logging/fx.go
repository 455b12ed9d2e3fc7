package logging

import (
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Module provides the logger, and lets fx tell what it does at level debug only.
var Module = fx.Options(
	fx.Module("logging", fx.Provide(New)),
	fx.WithLogger(func(log *zap.Logger) fxevent.Logger {
		events := &fxevent.ZapLogger{Logger: log}
		events.UseLogLevel(zapcore.DebugLevel)
		events.UseErrorLevel(zapcore.DebugLevel) // a failing start is told once, by the command line
		return events
	}),
)
