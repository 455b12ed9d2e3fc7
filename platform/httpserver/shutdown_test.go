package httpserver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"healthcare/platform/audittest"
)

// hold sends a request to /held/ and waits until its handler runs.
func (s *testServer) hold(t *testing.T) (handler context.Context, finish func() answer) {
	t.Helper()
	conn := s.dial(t)
	_, err := conn.Write([]byte("GET /held/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
	require.NoError(t, err)
	select {
	case handler = <-s.entered:
	case <-time.After(20 * time.Second):
		t.Fatal("the request did not arrive")
	}
	return handler, func() answer {
		s.release <- struct{}{}
		all := answers(t, conn, http.MethodGet)
		require.Len(t, all, 1)
		return all[0]
	}
}

func (s *testServer) refusesConnections() bool {
	conn, err := net.Dial("tcp", s.Address())
	if err == nil {
		_ = conn.Close()
	}
	return err != nil
}

func TestX07_ShutdownWaitsForRequests(t *testing.T) {
	s := serve(t)
	handler, finish := s.hold(t)

	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	require.Eventually(t, s.refusesConnections, 20*time.Second, time.Millisecond)

	require.NoError(t, handler.Err())
	select {
	case <-handler.Done():
		t.Fatal("shutdown cancelled a request in flight")
	case err := <-stopped:
		t.Fatal(err, "shutdown did not wait for the request in flight")
	case <-time.After(150 * time.Millisecond):
	}
	require.Equal(t, http.StatusOK, finish().status)
	require.NoError(t, <-stopped)
}

func TestHandlersHaveADeadline(t *testing.T) {
	s := serve(t, func(c *Config) { c.HandlerTimeout = 50 * time.Millisecond })
	handler, finish := s.hold(t)
	<-handler.Done()
	require.ErrorIs(t, handler.Err(), context.DeadlineExceeded)
	finish()
}

func TestShutdown(t *testing.T) {
	t.Run("fails readiness before it rejects connections", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.ShutdownDelay = time.Minute })
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/readyz", "").status)
		ctx, interrupt := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() {
			_ = s.Shutdown(ctx) // fails if it is interrupted
			close(stopped)
		}()
		require.Eventually(
			t, func() bool { return s.statusForHost(t, "/readyz", "a") == http.StatusServiceUnavailable },
			20*time.Second, time.Millisecond,
		)
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/livez", "").status)
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/things/", "").status)
		interrupt()
		<-stopped
		require.True(t, s.refusesConnections())
	})
	t.Run("waits for the delay", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.ShutdownDelay = 50 * time.Millisecond })
		started := time.Now()
		require.NoError(t, s.Shutdown(t.Context()))
		require.GreaterOrEqual(t, time.Since(started), s.cfg.ShutdownDelay)
	})
	t.Run("serves one more request of a connection that is kept open", func(t *testing.T) {
		s := serve(t)
		conn := s.dial(t)
		answered := bufio.NewReader(conn)
		closesAfterResponse := func() bool {
			_, err := conn.Write([]byte("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"))
			require.NoError(t, err)
			response, err := http.ReadResponse(answered, nil)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, response.Body)
			require.NoError(t, errors.Join(err, response.Body.Close()))
			return response.Close
		}
		require.False(t, closesAfterResponse())
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(context.Background()) }()
		require.Eventually(t, s.refusesConnections, 20*time.Second, time.Millisecond)
		time.Sleep(keepAliveGrace / 10)
		require.True(t, closesAfterResponse())
		require.NoError(t, <-stopped)
	})
	t.Run("stops waiting after its timeout", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.ShutdownTimeout = 100 * time.Millisecond })
		_, finish := s.hold(t)
		require.ErrorIs(t, s.Shutdown(context.Background()), context.DeadlineExceeded)
		finish()
	})
	t.Run("ends with its context, also during the delay", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.ShutdownDelay = time.Minute })
		_, finish := s.hold(t)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.Error(t, s.Shutdown(ctx))
		finish()
	})
	t.Run("right after Listen closes the listener", func(t *testing.T) {
		for range 20 {
			cfg := Config{
				Address: "127.0.0.1:0", Connections: 1, ShutdownTimeout: time.Second,
				CursorKeys: testKeys(),
			}
			s, err := New(cfg, zap.NewNop(), oneToken{}, contractOf(t), nil, nil, new(audittest.Recorder), unobserved())
			require.NoError(t, err)
			require.NoError(t, s.Listen())
			require.NoError(t, s.Shutdown(t.Context()))
			require.True(t, (&testServer{Server: s}).refusesConnections())
		}
	})
	t.Run("leaves no goroutine running", func(t *testing.T) {
		serve(t).send(t, http.MethodGet, "/livez", "") // fasthttp's clock starts with the first server and never stops
		before := goleak.IgnoreCurrent()
		s := serve(t, func(c *Config) { c.Connections = 2 })
		idle, silent := s.dial(t), s.dial(t)
		_, err := idle.Write([]byte("GET /things/ HTTP/1.1\r\nHost: a\r\n\r\n"))
		require.NoError(t, err)
		_, err = idle.Read(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(
			t, http.StatusOK, s.send(t, http.MethodGet, "/things/", "").status, "one of the two is closed for it",
		)
		require.NoError(t, silent.Close())
		require.NoError(t, s.Shutdown(context.Background()))
		pool := goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2") // ends within 10 s
		goleak.VerifyNone(t, before, pool)
	})
}

func TestListenRejectsABusyPort(t *testing.T) {
	s := serve(t)
	second, err := New(
		Config{Address: s.Address(), CursorKeys: testKeys()}, zap.NewNop(), oneToken{}, contractOf(t), nil,
		nil, new(audittest.Recorder), unobserved(),
	)
	require.NoError(t, err)
	require.ErrorContains(t, second.Listen(), "address already in use")
}
