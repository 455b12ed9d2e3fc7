package orm

import (
	"context"
	"time"

	"go.uber.org/zap"
	"gorm.io/gorm/logger"

	"healthcare/platform/logging"
	"healthcare/platform/telemetry"
)

// slowLog logs slow statements, with placeholders instead of values. It logs no errors, because callers handle them.
type slowLog struct {
	log       *zap.Logger
	threshold time.Duration
}

// ParamsFilter implements gorm.ParamsFilter: no parameter is logged.
func (slowLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// Trace implements logger.Interface.
func (l slowLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	elapsed := time.Since(begin)
	if l.threshold <= 0 || elapsed < l.threshold {
		return
	}
	sql, rows := statement()
	fields := []zap.Field{zap.String("sql", sql), zap.Int64("rows", rows), logging.Milliseconds("took_ms", elapsed)}
	if id := telemetry.TraceID(ctx); id != "" {
		fields = append(fields, zap.String("trace_id", id))
	}
	l.log.Warn("slow statement", fields...)
}

// LogMode implements logger.Interface. The zap logger determines the level.
func (l slowLog) LogMode(logger.LogLevel) logger.Interface { return l }

// Info logs nothing: GORM's own messages are for its developers, and may quote values.
func (slowLog) Info(context.Context, string, ...any) {}

// Warn logs nothing, see Info.
func (slowLog) Warn(context.Context, string, ...any) {}

// Error logs nothing, see Info.
func (slowLog) Error(context.Context, string, ...any) {}
