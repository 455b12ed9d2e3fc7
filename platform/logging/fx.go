package logging

import (
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Module provides the logger, and lets fx tell what starts and stops at level debug only.
var Module = fx.Options(
	fx.Module("logging", fx.Provide(New)),
	fx.WithLogger(func(log *zap.Logger) fxevent.Logger {
		events := &fxevent.ZapLogger{Logger: log}
		events.UseLogLevel(zapcore.DebugLevel)
		events.UseErrorLevel(zapcore.DebugLevel) // a failing start is told once, by the command line
		return hooks{events}
	}),
)

// hooks passes on what happens while the program starts and stops. How fx puts the graph together would be a hundred lines before that.
type hooks struct{ fxevent.Logger }

// LogEvent implements fxevent.Logger.
func (h hooks) LogEvent(event fxevent.Event) {
	switch event.(type) {
	case *fxevent.OnStartExecuting, *fxevent.OnStartExecuted, *fxevent.OnStopExecuting, *fxevent.OnStopExecuted,
		*fxevent.RollingBack, *fxevent.RolledBack, *fxevent.Started, *fxevent.Stopped:
		h.Logger.LogEvent(event)
	}
}
