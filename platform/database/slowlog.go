package database

import (
	"context"
	"time"

	"go.uber.org/zap"
	"gorm.io/gorm/logger"

	"healthcare/platform/logging"
	"healthcare/platform/telemetry"
)

// slowLog tells of slow statements, with placeholders instead of values. Errors are not its business: they are returned, and handled once.
type slowLog struct {
	log       *zap.Logger
	threshold time.Duration
}

// ParamsFilter implements gorm.ParamsFilter: no parameter reaches a log.
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

// LogMode implements logger.Interface; the level is zap's.
func (l slowLog) LogMode(logger.LogLevel) logger.Interface { return l }

// Info, Warn and Error implement logger.Interface: GORM's own remarks concern its developers, and may quote values.
func (slowLog) Info(context.Context, string, ...any) {}

// Warn is silent, see Info.
func (slowLog) Warn(context.Context, string, ...any) {}

// Error is silent, see Info.
func (slowLog) Error(context.Context, string, ...any) {}
