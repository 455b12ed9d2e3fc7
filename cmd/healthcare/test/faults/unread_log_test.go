package faults

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// callLivez sends n requests over 16 connections and returns the longest latency.
func callLivez(t *testing.T, base string, n int) time.Duration {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var slowest, sent atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for sent.Add(1) <= int64(n) {
				start := time.Now()
				response, err := client.Get(base + "/livez")
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				for elapsed := int64(time.Since(start)); ; {
					seen := slowest.Load()
					if elapsed <= seen || slowest.CompareAndSwap(seen, elapsed) {
						break
					}
				}
			}
		})
	}
	all.Wait()
	return time.Duration(slowest.Load())
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestR58_UnreadLog(t *testing.T) {
	t.Parallel()
	const requests = 5000
	t.Run("requests are served, and the process stops in time", func(t *testing.T) {
		t.Parallel()
		for _, both := range []bool{false, true} { // both: standard output is full, too
			writer, _ := harness.UnreadPipe(t)
			if both {
				fillPipe(t, writer)
			}
			address := freePort(t)
			path, err := harness.Binary()
			require.NoError(t, err)
			r := harness.NewTolerantEnv(t).With("HTTP_SHUTDOWN_TIMEOUT=5s", "HTTP_ADDRESS="+address).CommandWith(path,
				func(c *exec.Cmd) {
					c.Stderr = writer
					if both {
						c.Stdout = writer
					}
				})
			base := "http://" + address
			require.Eventually(t, func() bool {
				response, err := http.Get(base + "/readyz")
				return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
			}, harness.Timeout, 20*time.Millisecond)
			require.Less(t, callLivez(t, base, requests), 5*time.Second)
			start := time.Now()
			require.Equal(t, 0, r.Terminate().ExitCode)
			require.Less(t, time.Since(start), 5*time.Second)
		}
	})
	t.Run("requests are served after the reader has ended", func(t *testing.T) {
		t.Parallel()
		writer, reader := harness.UnreadPipe(t)
		r := harness.NewTolerantEnv(t).StartLoggingTo(t, writer)
		base := r.WaitReady()
		require.NoError(t, reader.Close())
		require.NoError(t, writer.Close()) // the test's copy
		callLivez(t, base, 100)
		require.Eventually(t, func() bool { return linesDropped(t, base) > 0 }, harness.Timeout, 20*time.Millisecond)
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
	t.Run("the log has the number of dropped lines when it is read again", func(t *testing.T) {
		t.Parallel()
		writer, reader := harness.UnreadPipe(t)
		r := harness.NewTolerantEnv(t).StartLoggingTo(t, writer)
		base := r.WaitReady()
		callLivez(t, base, 2*requests)
		var log bytes.Buffer
		done := make(chan struct{})
		go func() { defer close(done); _, _ = io.Copy(&log, reader) }()
		dropped, polls := 0, 0
		require.Eventually(t, func() bool { polls++; dropped = linesDropped(t, base); return dropped > 0 },
			harness.Timeout, 20*time.Millisecond)
		callLivez(t, base, 10)
		require.Equal(t, 0, r.Terminate().ExitCode)
		_ = writer.Close() // the test's copy
		<-done
		seen, reports, lost := 0, 0, 0
		for line := range strings.Lines(log.String()) {
			var o object
			require.NoError(t, json.Unmarshal([]byte(line), &o), line)
			if o["route"] == "/livez" {
				seen++
			}
			if n, ok := o["lines"].(float64); ok {
				lost += int(n)
				reports++
			}
		}
		require.Equal(t, 1, reports)
		// The line of a request for the metrics may be dropped after it has read the number.
		require.GreaterOrEqual(t, lost, dropped)
		require.LessOrEqual(t, lost, dropped+polls)
		require.GreaterOrEqual(t, seen+lost, 2*requests+10)
		require.LessOrEqual(t, seen+lost, 2*requests+10+polls)
	})
}

// fillPipe fills the buffer of a pipe.
func fillPipe(t *testing.T, writer *os.File) {
	t.Helper()
	require.NoError(t, writer.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	_, err := writer.Write(make([]byte, 1<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

var droppedInfo = regexp.MustCompile(`healthcare_log_lines_dropped_total\{level="info"\} (\d+)`)

func linesDropped(t *testing.T, base string) int {
	t.Helper()
	response, err := http.Get(base + "/metrics")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	found := droppedInfo.FindSubmatch(text)
	require.NotNil(t, found)
	n, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	return n
}
