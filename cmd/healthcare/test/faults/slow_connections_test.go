package faults

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// unfinished are the beginnings of requests. The rest is sent at one byte per second.
var unfinished = []string{
	"GET /livez HTTP/1.1\r\nHost: a\r\nX-Slow: ",
	"POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{",
	"POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
		"Transfer-Encoding: chunked\r\n\r\nfff\r\n{",
	"",
}

// sendSlowly opens a connection, never finishes its request, and returns the time until the server closed it.
func sendSlowly(t *testing.T, address, begin string, patience time.Duration, open *sync.WaitGroup) time.Duration {
	start := time.Now()
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_, err = conn.Write([]byte(begin))
	}
	open.Done()
	if err != nil {
		t.Errorf("not connected: %v", err)
		return 0
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(start.Add(patience))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, conn) // until the server closes
	}()
	for begin != "" {
		select {
		case <-ended:
			return time.Since(start)
		case <-time.After(time.Second):
			_, _ = conn.Write([]byte("a")) // fails if the server has closed the connection
		}
	}
	<-ended
	return time.Since(start)
}

// TestR21_SlowConnections checks that a thousand slow connections do not delay other clients, and that each is closed
// after the time limit of a request.
func TestR21_SlowConnections(t *testing.T) {
	t.Parallel()
	connections, rounds := soakValue(t, 100, 1000), soakValue(t, 1, 11)
	p, readTimeout := newDefaultEnv(t), 5*time.Second
	if rounds == 1 {
		p, readTimeout = p.With("HTTP_READ_TIMEOUT=500ms"), 500*time.Millisecond
	}
	r := p.Start()
	c := harness.NewHTTPClient(t, r.WaitReady())
	c.SignUp()
	c.AddPatient()
	p99(t, c, readTimeout/2) // the first requests are slower

	var idle, slow []time.Duration
	for range rounds {
		idle = append(idle, p99(t, c, readTimeout*3/5))
		var open, closed sync.WaitGroup
		open.Add(connections)
		for i := range connections {
			closed.Go(func() {
				lasted := sendSlowly(t, strings.TrimPrefix(c.URL, "http://"), unfinished[i%len(unfinished)],
					readTimeout+3*time.Second, &open)
				if lasted > readTimeout+limit(time.Second, 2*time.Second) {
					t.Errorf("%q stayed open for %s", unfinished[i%len(unfinished)], lasted)
				}
			})
		}
		open.Wait()
		slow = append(slow, p99(t, c, readTimeout*3/5))
		closed.Wait()
	}
	slices.Sort(idle)
	slices.Sort(slow)
	without, with := idle[rounds/2], slow[rounds/2]
	t.Logf("p99 of reads: %s without and %s with %d slow connections (medians of %d rounds)", without, with,
		connections, rounds)
	if rounds > 1 { // one short round has too few requests for a p99
		require.Less(t, float64(with), 1.2*float64(without))
	}
	require.Equal(t, 0, r.Terminate().ExitCode)
}

// p99 returns the 99th percentile of the latencies of four clients that read for a duration. It fails for any error.
func p99(t *testing.T, c *harness.HTTPClient, duration time.Duration) time.Duration {
	t.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var clients sync.WaitGroup
	end := time.Now().Add(duration)
	for range 4 {
		clients.Go(func() {
			for time.Now().Before(end) {
				start := time.Now()
				status, _, err := c.Try("GET", "/api/patients/", nil)
				elapsed := time.Since(start)
				if err != nil || status != 200 {
					t.Errorf("%d %v", status, err)
					return
				}
				mu.Lock()
				all = append(all, elapsed)
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	require.NotEmpty(t, all)
	slices.Sort(all)
	return all[len(all)*99/100]
}
