package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// pipe is a descriptor that blocks until gate is closed.
type pipe struct {
	mu   sync.Mutex
	gate chan struct{}
	read bytes.Buffer
	fail error
}

func (p *pipe) Write(b []byte) (int, error) {
	<-p.gate
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return 0, p.fail
	}
	return p.read.Write(b)
}

// lines returns the lines read so far.
func (p *pipe) lines(t *testing.T) (all []map[string]any) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(p.read.String()) {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &o), "lines are complete: %q", line)
		all = append(all, o)
	}
	return all
}

func blocked() (*pipe, *zap.Logger, *Queue) {
	p := &pipe{gate: make(chan struct{})}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	queue := newQueue(p, encoder)
	return p, zap.New(&core{zapcore.InfoLevel, encoder, queue}), queue
}

func dropped(q *Queue, level string) float64 {
	return testutil.ToFloat64(q.dropped.WithLabelValues(level))
}

// inTime fails if do takes longer than 20 seconds.
func inTime(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("blocked")
	}
}

func TestQueueWithoutReader(t *testing.T) {
	p, log, queue := blocked()
	const many = 3 * maxLines
	filler := zap.String("route", strings.Repeat("x", 100))
	inTime(t, func() {
		for n := range many {
			log.Info("request", zap.Int("n", n), filler)
		}
		for n := range 100 {
			log.Error("failure", zap.Int("n", n))
		}
		for n := range 10 {
			log.Info("audit checkpoint", zap.Int("n", n), NeverDrop())
		}
	})
	lost := int(dropped(queue, "info"))
	require.Greater(t, lost, many/2)
	require.Zero(t, dropped(queue, "error"), "errors have reserved space")
	require.Less(t, cap(queue.waiting), 3*maxBytes)

	close(p.gate)
	require.NoError(t, log.Sync())
	counts, last := map[string]int{}, map[string]float64{}
	reported := 0
	for _, line := range p.lines(t) {
		message := line["msg"].(string)
		if strings.HasPrefix(message, "log lines were dropped") {
			reported += int(line["lines"].(float64))
			require.Equal(t, "warn", line["level"])
			continue
		}
		counts[message]++
		n := line["n"].(float64)
		require.True(t, counts[message] == 1 || n > last[message], "the order is kept")
		last[message] = n
	}
	require.Equal(t, lost, reported, "one line reports the number of missing lines")
	require.Equal(t, map[string]int{"request": many - lost, "failure": 100, "audit checkpoint": 10}, counts)
	log.Info("request", zap.Int("n", many))
	require.NoError(t, log.Sync())
	lines := p.lines(t)
	require.EqualValues(t, many, lines[len(lines)-1]["n"], "lines are written again")
}

func TestQueueNeverDropsCheckpointsAndLimitsErrors(t *testing.T) {
	p, log, queue := blocked()
	inTime(t, func() {
		for range 3 * maxLines {
			log.Error("failure")
			log.Info("audit checkpoint", NeverDrop())
		}
	})
	require.Positive(t, dropped(queue, "error"), "errors are limited too")
	require.Zero(t, dropped(queue, "info"))
	close(p.gate)
	require.NoError(t, log.Sync())
	kept := 0
	for _, line := range p.lines(t) {
		if line["lines"] == nil {
			require.Len(t, line, 3, "the marker is not written: %v", line)
		}
		if line["msg"] == "audit checkpoint" {
			kept++
		}
	}
	require.Equal(t, 3*maxLines, kept)
}

func TestFlushTimesOut(t *testing.T) {
	p, log, queue := blocked()
	log.Info("stopped")
	start := time.Now()
	require.ErrorIs(t, log.Sync(), context.DeadlineExceeded)
	require.Less(t, time.Since(start), 2*syncTimeout)
	close(p.gate)
	require.NoError(t, queue.Flush(t.Context()))
	require.Len(t, p.lines(t), 1)
}

func TestQueueCountsLinesThatCannotBeWritten(t *testing.T) {
	p, log, queue := blocked()
	close(p.gate)
	p.fail = errors.New("disk full")
	log.Info("a")
	require.NoError(t, log.Sync())
	require.InDelta(t, 1, dropped(queue, "info"), 0)
	p.mu.Lock()
	p.fail = nil
	p.mu.Unlock()
	log.Info("b")
	require.NoError(t, log.Sync())
	lines := p.lines(t)
	require.Len(t, lines, 2)
	require.EqualValues(t, 1, lines[0]["lines"])
	require.Equal(t, "b", lines[1]["msg"])
}

func TestConcurrentWriters(t *testing.T) {
	p, log, _ := blocked()
	close(p.gate)
	with := log.With(zap.String("who", "a"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				with.Info("request")
			}
		})
	}
	all.Wait()
	require.NoError(t, log.Sync())
	lines := p.lines(t)
	require.Len(t, lines, 1600)
	require.Equal(t, "a", lines[0]["who"])
}

// BenchmarkRequestLine measures the cost of one line for its caller, with the queue and with a direct write.
func BenchmarkRequestLine(b *testing.B) {
	fields := []zap.Field{
		zap.String("request_id", "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"),
		zap.String("method", "GET"), zap.String("route", "/api/patients/{id}/"),
		zap.Int("status", 200), Milliseconds("took_ms", 1234*time.Microsecond), zap.String("client", "192.0.2.7"),
	}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for _, to := range []string{"file", "pipe"} {
		for _, kind := range []string{"direct", "queued"} {
			b.Run(fmt.Sprint(kind, " to a ", to), func(b *testing.B) {
				out := target(b, to)
				log := zap.New(zapcore.NewCore(encoder, zapcore.Lock(out), zapcore.InfoLevel))
				if kind == "queued" {
					log = zap.New(&core{zapcore.InfoLevel, encoder, newQueue(out, encoder)})
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						log.Info("request", fields...)
					}
				})
				_ = log.Sync() // a pipe has no disk
			})
		}
	}
}

func target(b *testing.B, kind string) *os.File {
	b.Helper()
	if kind == "file" {
		file, err := os.Create(b.TempDir() + "/log")
		require.NoError(b, err)
		b.Cleanup(func() { _ = file.Close() })
		return file
	}
	reader, writer, err := os.Pipe()
	require.NoError(b, err)
	b.Cleanup(func() { _ = writer.Close() })
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	return writer
}
