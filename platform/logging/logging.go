// Package logging builds the program's zap logger. What may be logged is decided where it is logged: route patterns, statuses, ids of
// requests, causes of failures - never a body, a token, a path as typed or a value of a patient.
package logging

import (
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Config says how much is logged and for whom.
type Config struct {
	Level    string // debug, info, warn or error
	Readable bool   // for a developer's eyes, instead of JSON, and at level debug whatever Level says
}

// New is a logger to standard error. Errors: an unknown level.
func New(cfg Config) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(cfg.Level)
	if err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	zc := zap.NewProductionConfig()
	zc.Level = zap.NewAtomicLevelAt(level)
	if cfg.Readable {
		zc = zap.NewDevelopmentConfig() // its level is debug
	}
	zc.Sampling = nil // one request, one line
	zc.DisableStacktrace = true
	zc.DisableCaller = true
	zc.EncoderConfig.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	zc.EncoderConfig.TimeKey = "time"
	zc.EncoderConfig.EncodeDuration = zapcore.StringDurationEncoder
	return zc.Build()
}
