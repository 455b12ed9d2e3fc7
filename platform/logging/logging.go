// Package logging builds the program's zap logger. Callers log route patterns, statuses, request ids and causes of
// failures. They never log a body, a token, a requested path or a patient's data.
package logging

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// Config selects the level and the format.
type Config struct {
	Level    string // debug, info, warn or error
	Readable bool   // text at level debug, regardless of Level and of standard error
	Color    bool   // levels are coloured if standard error is a terminal
}

// New returns a logger that writes to standard error, and its queue. The format is readable text on a terminal,
// otherwise one JSON object per line. Errors: an unknown level.
func New(cfg Config) (*zap.Logger, *Queue, error) {
	level, err := zapcore.ParseLevel(cfg.Level)
	if err != nil {
		return nil, nil, fmt.Errorf("log level: %w", err)
	}
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	zc := zap.NewProductionConfig()
	if cfg.Readable || terminal {
		zc = zap.NewDevelopmentConfig() // its level is debug
	}
	if !cfg.Readable {
		zc.Level = zap.NewAtomicLevelAt(level)
	}
	if terminal && cfg.Color {
		zc.EncoderConfig.EncodeLevel = zapcore.CapitalColorLevelEncoder
	}
	zc.EncoderConfig.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	zc.EncoderConfig.TimeKey = "time"
	encoder := zapcore.NewJSONEncoder(zc.EncoderConfig)
	if zc.Encoding == "console" {
		encoder = zapcore.NewConsoleEncoder(zc.EncoderConfig)
	}
	queue := newQueue(os.Stderr, encoder)
	return zap.New(&core{zc.Level, encoder, queue}), queue, nil
}

// Milliseconds returns a field with a duration in milliseconds, precise to the microsecond. The name must end in _ms,
// to show the unit.
func Milliseconds(name string, d time.Duration) zap.Field {
	return zap.Float64(name, float64(d.Microseconds())/1000)
}
