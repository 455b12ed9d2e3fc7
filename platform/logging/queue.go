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

// Bounds of what waits for the descriptor. While one batch is written, the next one collects, so memory holds twice as
// much at most.
const (
	maxBytes     = 1 << 20   // of lines below level warn
	maxLines     = 8192      // likewise
	reserveBytes = 256 << 10 // more for warnings and errors
	reserveLines = 1024      // likewise
	keptCapacity = 64 << 10  // of a batch's memory that outlives it
	syncTimeout  = time.Second
)

// Queue decouples those who log from the descriptor, which blocks when nobody reads it: a line is appended, and one
// goroutine writes what has collected. Lines keep their order. When the queue is full, lines are dropped and counted,
// those below level warn first. Lines with the field NeverDrop are never dropped.
type Queue struct {
	out     io.Writer
	encoder zapcore.Encoder // of the line that reports what was dropped

	mu      sync.Mutex
	waiting []byte
	lines   int           // in waiting
	spare   []byte        // the memory of the batch before
	idle    chan struct{} // closed when all is written; nil: all is
	full    bool          // ordinary lines are dropped until the next batch, so that a gap is one stretch
	missing int           // lines that were dropped since the last report
	dropped *prometheus.CounterVec
}

func newQueue(out io.Writer, encoder zapcore.Encoder) *Queue {
	return &Queue{out: out, encoder: encoder, dropped: newDropped()}
}

func newDropped() *prometheus.CounterVec {
	return telemetry.Counters(
		"healthcare_log_lines_dropped_total",
		"Log lines that were dropped because nobody read the log.",
		"level", "debug", "info", "warn", "error",
	)
}

// Collectors count what was dropped.
func Collectors(q *Queue) []prometheus.Collector { return []prometheus.Collector{q.dropped} }

// Flush waits until everything that was logged before is written. Errors: that of ctx.
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

// hasRoom reports whether a line fits.
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

// report appends the line that says how many are missing here.
func (q *Queue) report() {
	entry := zapcore.Entry{
		Level:   zapcore.WarnLevel,
		Time:    time.Now(),
		Message: "log lines were dropped because nobody read them",
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

// write writes batches until nothing waits.
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

// take returns what waits. If nothing does, it ends the writing.
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
		q.report() // where the gap is: after what was taken
	}
	return batch, lines
}

// NeverDrop returns a field that is not written. Its line is never dropped.
func NeverDrop() zap.Field { return zap.Field{Type: zapcore.SkipType, Interface: keep{}} }

type keep struct{}

// core encodes entries and hands them to a queue.
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
		return c.Sync() // the process may be about to end
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

// Sync waits for the descriptor, for a second at most.
func (c *core) Sync() error {
	ctx, cancel := context.WithTimeout(context.Background(), syncTimeout)
	defer cancel()
	return c.queue.Flush(ctx)
}
