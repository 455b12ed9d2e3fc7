package telemetry

import (
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/zap"
)

// logInterval is the shortest time between two lines about lost spans.
const logInterval = time.Minute

// limitedLogger logs errors and warnings of the SDK, at most once a minute.
type limitedLogger struct {
	log     *zap.Logger
	mu      sync.Mutex
	next    time.Time
	skipped int // messages since the last line
}

func newLimitedLogger(log *zap.Logger) *limitedLogger { return &limitedLogger{log: log} }

func (s *limitedLogger) warn(fields ...zap.Field) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.next) {
		s.skipped++
		return
	}
	s.log.Warn("tracing", append(fields, zap.Int("not_logged_before", s.skipped))...)
	s.next, s.skipped = now.Add(logInterval), 0
}

// Handle implements otel.ErrorHandler.
func (s *limitedLogger) Handle(err error) { s.warn(zap.Error(err)) }

// Init implements logr.LogSink.
func (*limitedLogger) Init(logr.RuntimeInfo) {}

// Enabled implements logr.LogSink. Warnings (level 1) are logged; the SDK's levels 4 and 8 are for its developers.
func (*limitedLogger) Enabled(level int) bool { return level <= 1 }

// Info implements logr.LogSink. Neither Info nor Error logs the values: they may be the headers sent to a collector.
func (s *limitedLogger) Info(_ int, message string, _ ...any) { s.warn(zap.String("warning", message)) }

// Error implements logr.LogSink.
func (s *limitedLogger) Error(_ error, message string, _ ...any) {
	s.warn(zap.String("warning", message))
}

// WithValues implements logr.LogSink.
func (s *limitedLogger) WithValues(...any) logr.LogSink { return s }

// WithName implements logr.LogSink.
func (s *limitedLogger) WithName(string) logr.LogSink { return s }
