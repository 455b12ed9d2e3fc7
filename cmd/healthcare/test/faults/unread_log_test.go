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

// callLivez asks n times, from 16 connections, and returns the longest time that an answer took.
func callLivez(t *testing.T, base string, n int) time.Duration {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var slowest, asked atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for asked.Add(1) <= int64(n) {
				began := time.Now()
				answer, err := client.Get(base + "/livez")
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				for took := int64(time.Since(began)); ; {
					seen := slowest.Load()
					if took <= seen || slowest.CompareAndSwap(seen, took) {
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
	t.Run("requests are answered, and the process ends in time", func(t *testing.T) {
		t.Parallel()
		for _, both := range []bool{false, true} { // with standard output, which is full from the beginning
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
				answer, err := http.Get(base + "/readyz")
				return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
			}, harness.Timeout, 20*time.Millisecond)
			require.Less(t, callLivez(t, base, requests), 5*time.Second)
			began := time.Now()
			require.Equal(t, 0, r.Terminate().ExitCode)
			require.Less(t, time.Since(began), 5*time.Second)
		}
	})
	t.Run("requests are answered when its reader has ended", func(t *testing.T) {
		t.Parallel()
		writer, reader := harness.UnreadPipe(t)
		r := harness.NewTolerantEnv(t).StartLoggingTo(t, writer)
		base := r.WaitReady()
		require.NoError(t, reader.Close())
		require.NoError(t, writer.Close()) // the test's own
		callLivez(t, base, 100)
		require.Eventually(t, func() bool { return linesDropped(t, base) > 0 }, harness.Timeout, 20*time.Millisecond)
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
	t.Run("who reads again is shown how many lines are missing", func(t *testing.T) {
		t.Parallel()
		writer, reader := harness.UnreadPipe(t)
		r := harness.NewTolerantEnv(t).StartLoggingTo(t, writer)
		base := r.WaitReady()
		callLivez(t, base, 2*requests)
		var log bytes.Buffer
		done := make(chan struct{})
		go func() { defer close(done); _, _ = io.Copy(&log, reader) }()
		gone := 0
		require.Eventually(t, func() bool { gone = linesDropped(t, base); return gone > 0 }, harness.Timeout,
			20*time.Millisecond)
		callLivez(t, base, 10)
		require.Equal(t, 0, r.Terminate().ExitCode)
		_ = writer.Close() // the test's own
		<-done
		seen, told, lost := 0, 0, 0
		for line := range strings.Lines(log.String()) {
			var o object
			require.NoError(t, json.Unmarshal([]byte(line), &o), line)
			if o["route"] == "/livez" {
				seen++
			}
			if n, ok := o["lines"].(float64); ok {
				lost += int(n)
				told++
			}
		}
		require.Equal(t, 1, told)
		require.Equal(t, gone, lost)
		require.Equal(t, 2*requests+10, seen+lost)
	})
}

// fillPipe writes to a pipe until it takes nothing more.
func fillPipe(t *testing.T, writer *os.File) {
	t.Helper()
	require.NoError(t, writer.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	_, err := writer.Write(make([]byte, 1<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

var droppedInfo = regexp.MustCompile(`healthcare_log_lines_dropped_total\{level="info"\} (\d+)`)

func linesDropped(t *testing.T, base string) int {
	t.Helper()
	answer, err := http.Get(base + "/metrics")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	found := droppedInfo.FindSubmatch(text)
	require.NotNil(t, found)
	n, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	return n
}
