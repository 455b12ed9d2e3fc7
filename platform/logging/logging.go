// Package logging builds the program's zap logger. What may be logged is decided where it is logged: route patterns, statuses, ids of
// requests, causes of failures - never a body, a token, a path as typed or a value of a patient.
package logging

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// Config says how much is logged and for whom.
type Config struct {
	Level    string // debug, info, warn or error
	Readable bool   // text at level debug, whatever Level is and wherever standard error leads
	Color    bool   // levels are coloured where standard error is a terminal
}

// New returns a logger to standard error, and the queue before it: text for people where that is a terminal, one JSON
// object a line elsewhere. Errors: an unknown level.
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

// Milliseconds returns a field with a duration as a number of milliseconds, precise to the microsecond. The name ends in _ms, so that whoever reads
// the log knows the unit.
func Milliseconds(name string, d time.Duration) zap.Field {
	return zap.Float64(name, float64(d.Microseconds())/1000)
}
