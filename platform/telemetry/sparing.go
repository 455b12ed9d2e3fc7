package telemetry

import (
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/zap"
)

// complaintEvery is how often the log may tell that spans are lost.
const complaintEvery = time.Minute

// sparing logs what the SDK complains of, once a minute at most. It is where the SDK sends its errors, and its logger.
type sparing struct {
	log    *zap.Logger
	mu     sync.Mutex
	next   time.Time
	silent int // complaints since the last line
}

func newSparing(log *zap.Logger) *sparing { return &sparing{log: log} }

func (s *sparing) say(fields ...zap.Field) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.next) {
		s.silent++
		return
	}
	s.log.Warn("tracing", append(fields, zap.Int("not_logged_before", s.silent))...)
	s.next, s.silent = now.Add(complaintEvery), 0
}

// Handle implements otel.ErrorHandler.
func (s *sparing) Handle(err error) { s.say(zap.Error(err)) }

// Init implements logr.LogSink.
func (*sparing) Init(logr.RuntimeInfo) {}

// Enabled implements logr.LogSink: the SDK's remarks (levels 4 and 8) are its developers' business, its warnings (1) are not.
func (*sparing) Enabled(level int) bool { return level <= 1 }

// Info implements logr.LogSink. Neither here nor in Error are the values logged: they may be the headers that a collector is shown.
func (s *sparing) Info(_ int, message string, _ ...any) { s.say(zap.String("warning", message)) }

// Error implements logr.LogSink.
func (s *sparing) Error(_ error, message string, _ ...any) { s.say(zap.String("warning", message)) }

// WithValues implements logr.LogSink.
func (s *sparing) WithValues(...any) logr.LogSink { return s }

// WithName implements logr.LogSink.
func (s *sparing) WithName(string) logr.LogSink { return s }
