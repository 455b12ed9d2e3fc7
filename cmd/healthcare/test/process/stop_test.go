package process

import (
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// prompt is 1 to 2 s, and slack for a busy machine.
const prompt = 5 * time.Second

// requireStopped asserts a clean stop within prompt.
func requireStopped(r *harness.Process, since time.Time) harness.Result {
	r.T.Helper()
	o := r.Wait()
	require.Equal(r.T, 0, o.ExitCode, "%s", o.Stderr)
	require.Less(r.T, time.Since(since), prompt)
	require.NotContains(r.T, o.Stderr, "healthcare: ", "no error")
	return o
}

func TestStop(t *testing.T) {
	t.Parallel()
	// Under nohup this process ignores SIGHUP, which child processes would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	for _, sent := range []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP} {
		t.Run("at "+sent.String()+" is clean and prompt", func(t *testing.T) {
			t.Parallel()
			harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
				r := p.Start()
				harness.NewHTTPClient(t, r.WaitReady()).Call("GET", "/readyz", nil, 200)
				r.Signal(sent)
				requireStopped(r, time.Now())
			})
		})
	}
	t.Run("does not wait for idle connections", func(t *testing.T) {
		t.Parallel()
		r := harness.NewTolerantEnv(t).Start()
		address := strings.TrimPrefix(r.WaitReady(), "http://")
		for range 8 {
			conn, err := net.Dial("tcp", address)
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			_, err = conn.Write([]byte("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"))
			require.NoError(t, err)
			_, err = conn.Read(make([]byte, 4096))
			require.NoError(t, err)
		}
		r.Signal(syscall.SIGTERM)
		requireStopped(r, time.Now())
	})
	t.Run("reports not ready first, and serves until the delay is over", func(t *testing.T) {
		t.Parallel()
		r := harness.NewTolerantEnv(t).With("HTTP_SHUTDOWN_DELAY=1s").Start()
		c := harness.NewHTTPClient(t, r.WaitReady())
		start := time.Now()
		r.Signal(syscall.SIGTERM)
		waitUntilNotReady(c)
		c.Call("GET", "/livez", nil, 200)
		requireStopped(r, start)
		require.Greater(t, time.Since(start), time.Second)
	})
	t.Run("does not count an additional SIGHUP as the second signal", func(t *testing.T) {
		t.Parallel()
		for _, first := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
			r := harness.NewTolerantEnv(t).With("HTTP_SHUTDOWN_DELAY=1s").Start()
			c := harness.NewHTTPClient(t, r.WaitReady())
			start := time.Now()
			r.Signal(first)
			waitUntilNotReady(c)
			r.Signal(syscall.SIGHUP)
			c.Call("GET", "/livez", nil, 200)
			requireStopped(r, start)
			require.Greater(t, time.Since(start), time.Second)
		}
	})
	t.Run("ignores SIGHUP under nohup", func(t *testing.T) {
		t.Parallel()
		path, err := harness.Binary()
		require.NoError(t, err)
		r := harness.NewTolerantEnv(t).Command("/bin/sh", "-c", `trap "" HUP; exec "$0"`, path)
		c := harness.NewHTTPClient(t, r.WaitReady())
		r.Signal(syscall.SIGHUP)
		time.Sleep(200 * time.Millisecond)
		c.Call("GET", "/readyz", nil, 200)
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
	t.Run("is immediate at the second signal", func(t *testing.T) {
		t.Parallel()
		r := harness.NewTolerantEnv(t).With("HTTP_SHUTDOWN_DELAY=1h").Start()
		c := harness.NewHTTPClient(t, r.WaitReady())
		r.Signal(syscall.SIGTERM)
		waitUntilNotReady(c)
		second := time.Now()
		o := r.Terminate()
		require.Equal(t, harness.ExitFailure, o.ExitCode)
		require.Less(t, time.Since(second), prompt)
	})
}

// waitUntilNotReady waits until /readyz reports that the program stops.
func waitUntilNotReady(c *harness.HTTPClient) {
	c.T.Helper()
	require.Eventually(c.T, func() bool {
		status, _, err := c.Try("GET", "/readyz", nil)
		return err == nil && status == 503
	}, harness.Timeout, 5*time.Millisecond)
}

func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	t.Run("is clean while the database does not respond", func(t *testing.T) {
		t.Parallel()
		silent := startFakePostgres(t, nil)
		r := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_URL="+silent.url).Start()
		<-silent.connected
		r.Signal(syscall.SIGTERM)
		require.Empty(t, requireStopped(r, time.Now()).Stdout)
	})
	t.Run("fails an interrupted migration", func(t *testing.T) {
		t.Parallel()
		silent := startFakePostgres(t, nil)
		r := harness.NewTolerantEnv(t).With("DATABASE_URL="+silent.url).Start("migrate", "up")
		<-silent.connected
		r.Terminate().ExpectFailure(harness.ExitFailure, "PostgreSQL (clinic at ")
	})
	t.Run("is clean at any time, and the next start succeeds", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t)
		for _, delay := range []int{10, 20, 30, 40, 60, 80} { // milliseconds
			r := p.Start()
			time.Sleep(time.Duration(delay) * time.Millisecond)
			_ = r.Cmd.Process.Signal(syscall.SIGTERM)
			// Before main handles signals, one ends any Go program at once.
			require.Contains(t, []int{0, -1}, r.Wait().ExitCode, "after %d ms: %s", delay, r.Stderr.String())
		}
		r := p.Start()
		harness.NewHTTPClient(t, r.WaitReady()).SignUp()
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
}
