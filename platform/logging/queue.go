package logging

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"healthcare/platform/telemetry"
)

// Limits of the lines that wait for the descriptor. The next batch grows while one is written, so that at most twice as
// much is in memory.
const (
	maxBytes     = 1 << 20   // for lines below level warn
	maxLines     = 8192      // likewise
	reserveBytes = 256 << 10 // additional, for warnings and errors
	reserveLines = 1024      // likewise
	keptCapacity = 64 << 10  // the largest buffer that is reused
	syncTimeout  = time.Second
)

// Queue decouples callers from the descriptor, which blocks if its reader stops reading. Callers append lines, and one
// goroutine writes them in batches and in order. When the queue is full, lines are dropped and counted, those below
// level warn first. Lines with the field NeverDrop are never dropped.
type Queue struct {
	out     io.Writer
	encoder zapcore.Encoder // of the line that reports dropped lines

	mu      sync.Mutex
	waiting []byte
	lines   int           // in waiting
	spare   []byte        // the buffer of the previous batch
	idle    chan struct{} // closed when all lines are written; nil if they are
	full    bool          // lines below warn are dropped until the next batch, so that the gap is contiguous
	missing int           // dropped lines since the last report
	dropped *prometheus.CounterVec
}

func newQueue(out io.Writer, encoder zapcore.Encoder) *Queue {
	return &Queue{out: out, encoder: encoder, dropped: newDropped()}
}

func newDropped() *prometheus.CounterVec {
	return telemetry.Counters(
		"healthcare_log_lines_dropped_total",
		"Log lines that were dropped because the log was not read.",
		"level", "debug", "info", "warn", "error",
	)
}

// Collectors returns the metric of dropped lines.
func Collectors(q *Queue) []prometheus.Collector { return []prometheus.Collector{q.dropped} }

// Flush waits until all lines that were logged before are written. Errors: that of ctx.
func (q *Queue) Flush(ctx context.Context) error {
	q.mu.Lock()
	idle := q.idle
	q.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// put appends a line, or drops it. It never waits for the descriptor.
func (q *Queue) put(line []byte, level zapcore.Level, keep bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !keep && !q.hasRoom(len(line), level) {
		q.drop(level, 1)
		return
	}
	if q.missing > 0 && !q.full {
		q.report()
	}
	q.waiting = append(q.waiting, line...)
	q.lines++
	if q.idle == nil {
		q.idle = make(chan struct{})
		go q.write()
	}
}

// hasRoom reports whether a line of a size fits into the queue.
func (q *Queue) hasRoom(size int, level zapcore.Level) bool {
	bytes, lines := len(q.waiting)+size, q.lines+1
	if level >= zapcore.WarnLevel {
		return bytes <= maxBytes+reserveBytes && lines <= maxLines+reserveLines
	}
	q.full = q.full || bytes > maxBytes || lines > maxLines
	return !q.full
}

func (q *Queue) drop(level zapcore.Level, lines int) {
	q.dropped.WithLabelValues(min(level, zapcore.ErrorLevel).String()).Add(float64(lines))
	q.missing += lines
}

// report appends a line with the number of lines that were dropped at this position.
func (q *Queue) report() {
	entry := zapcore.Entry{
		Level:   zapcore.WarnLevel,
		Time:    time.Now(),
		Message: "log lines were dropped because they were not read",
	}
	line, err := q.encoder.EncodeEntry(entry, []zapcore.Field{zap.Int("lines", q.missing)})
	if err != nil {
		return
	}
	q.waiting = append(q.waiting, line.Bytes()...)
	q.lines++
	q.missing = 0
	line.Free()
}

// write writes batches until no lines wait.
func (q *Queue) write() {
	for {
		batch, lines := q.take()
		if lines == 0 {
			return
		}
		if _, err := q.out.Write(batch); err != nil {
			q.mu.Lock()
			q.drop(zapcore.InfoLevel, lines) // some of them may have been written
			q.mu.Unlock()
		}
		if cap(batch) > keptCapacity {
			batch = nil
		}
		q.mu.Lock()
		q.spare = batch[:0]
		q.mu.Unlock()
	}
}

// take returns the waiting lines. If there are none, it marks the queue as idle.
func (q *Queue) take() (batch []byte, lines int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lines == 0 {
		close(q.idle)
		q.idle = nil
		return nil, 0
	}
	batch, lines = q.waiting, q.lines
	q.waiting, q.lines, q.spare, q.full = q.spare, 0, nil, false
	if q.missing > 0 {
		q.report() // the gap follows the lines taken
	}
	return batch, lines
}

// NeverDrop returns a field that marks a line as never to be dropped. The field itself is not written.
func NeverDrop() zap.Field { return zap.Field{Type: zapcore.SkipType, Interface: keep{}} }

type keep struct{}

// core encodes entries and appends them to a queue.
type core struct {
	zapcore.LevelEnabler
	encoder zapcore.Encoder
	queue   *Queue
}

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	encoder := c.encoder.Clone()
	for _, field := range fields {
		field.AddTo(encoder)
	}
	return &core{c.LevelEnabler, encoder, c.queue}
}

func (c *core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c *core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	line, err := c.encoder.EncodeEntry(entry, fields)
	if err != nil {
		return err
	}
	c.queue.put(line.Bytes(), entry.Level, kept(fields))
	line.Free()
	if entry.Level > zapcore.ErrorLevel {
		return c.Sync() // the process may end
	}
	return nil
}

func kept(fields []zapcore.Field) bool {
	for _, field := range fields {
		if field.Type == zapcore.SkipType && field.Interface == (keep{}) {
			return true
		}
	}
	return false
}

// Sync waits for the descriptor, for at most one second.
func (c *core) Sync() error {
	ctx, cancel := context.WithTimeout(context.Background(), syncTimeout)
	defer cancel()
	return c.queue.Flush(ctx)
}
