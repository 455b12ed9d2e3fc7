package main

import (
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// soon is a second or two, and what a busy machine adds.
const soon = 5 * time.Second

// stopped asserts a clean end within soon of this moment.
func (r *program) stopped(since time.Time) outcome {
	r.t.Helper()
	o := r.outcome()
	require.Equal(r.t, 0, o.code, "%s", o.stderr)
	require.Less(r.t, time.Since(since), soon)
	require.NotContains(r.t, o.stderr, "healthcare: ", "nothing went wrong")
	return o
}

func TestStop(t *testing.T) {
	t.Parallel()
	// Under nohup this process ignores it, and so would those that it starts.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	for _, sent := range []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP} {
		t.Run("at "+sent.String()+" is clean and soon", func(t *testing.T) {
			t.Parallel()
			eachPlace(t, func(t *testing.T, p place, _ database.Config) {
				r := p.start()
				newCaller(t, r.ready()).call("GET", "/readyz", nil, 200)
				r.signal(sent)
				r.stopped(time.Now())
			})
		})
	}
	t.Run("does not wait for clients that keep their connections", func(t *testing.T) {
		t.Parallel()
		r := patient(t).start()
		address := strings.TrimPrefix(r.ready(), "http://")
		for range 8 {
			conn, err := net.Dial("tcp", address)
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			_, err = conn.Write([]byte("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"))
			require.NoError(t, err)
			_, err = conn.Read(make([]byte, 4096))
			require.NoError(t, err)
		}
		r.signal(syscall.SIGTERM)
		r.stopped(time.Now())
	})
	t.Run("tells the load balancer first, and goes on serving until the delay is over", func(t *testing.T) {
		t.Parallel()
		r := patient(t).with("HTTP_SHUTDOWN_DELAY=1s").start()
		c := newCaller(t, r.ready())
		began := time.Now()
		r.signal(syscall.SIGTERM)
		c.untilNotReady()
		c.call("GET", "/livez", nil, 200)
		r.stopped(began)
		require.Greater(t, time.Since(began), time.Second)
	})
	t.Run("is not hurried by a SIGHUP that comes with the other signal", func(t *testing.T) {
		t.Parallel()
		for _, first := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
			r := patient(t).with("HTTP_SHUTDOWN_DELAY=1s").start()
			c := newCaller(t, r.ready())
			began := time.Now()
			r.signal(first)
			c.untilNotReady()
			r.signal(syscall.SIGHUP)
			c.call("GET", "/livez", nil, 200)
			r.stopped(began)
			require.Greater(t, time.Since(began), time.Second)
		}
	})
	t.Run("is not what SIGHUP means under nohup", func(t *testing.T) {
		t.Parallel()
		path, err := binary()
		require.NoError(t, err)
		r := patient(t).command("/bin/sh", "-c", `trap "" HUP; exec "$0"`, path)
		c := newCaller(t, r.ready())
		r.signal(syscall.SIGHUP)
		time.Sleep(200 * time.Millisecond)
		c.call("GET", "/readyz", nil, 200)
		require.Equal(t, 0, r.terminate().code)
	})
	t.Run("is immediate at the second signal", func(t *testing.T) {
		t.Parallel()
		r := patient(t).with("HTTP_SHUTDOWN_DELAY=1h").start()
		c := newCaller(t, r.ready())
		r.signal(syscall.SIGTERM)
		c.untilNotReady()
		again := time.Now()
		o := r.terminate()
		require.Equal(t, exitFailure, o.code)
		require.Less(t, time.Since(again), soon)
	})
}

// untilNotReady waits until the program says that it stops.
func (c *caller) untilNotReady() {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		status, _, err := c.try("GET", "/readyz", nil)
		return err == nil && status == 503
	}, patience, 5*time.Millisecond)
}

func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	t.Run("is clean while the database lets it wait", func(t *testing.T) {
		t.Parallel()
		hole := pretend(t, nil)
		r := patient(t).with("SECRET_KEY="+testSecret, "DATABASE_URL="+hole.url).start()
		<-hole.asked
		r.signal(syscall.SIGTERM)
		require.Empty(t, r.stopped(time.Now()).stdout)
	})
	t.Run("fails a migration that it interrupts, for that was not done", func(t *testing.T) {
		t.Parallel()
		hole := pretend(t, nil)
		r := patient(t).with("DATABASE_URL="+hole.url).start("migrate", "up")
		<-hole.asked
		r.terminate().failed(exitFailure, "PostgreSQL (clinic at ")
	})
	t.Run("is clean at any moment, and the next start works", func(t *testing.T) {
		t.Parallel()
		p := patient(t)
		for _, delay := range []int{10, 20, 30, 40, 60, 80} { // milliseconds
			r := p.start()
			time.Sleep(time.Duration(delay) * time.Millisecond)
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			// Before main has asked for signals, one ends any Go program at once.
			require.Contains(t, []int{0, -1}, r.outcome().code, "after %d ms: %s", delay, r.stderr.String())
		}
		r := p.start()
		newCaller(t, r.ready()).signUp()
		require.Equal(t, 0, r.terminate().code)
	})
}
