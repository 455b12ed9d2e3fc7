package httpserver

import (
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/httpserver/transport"
)

// occupy opens connections whose requests do not finish until free is called.
func (s *testServer) occupy(t *testing.T, count int) (free func()) {
	t.Helper()
	for range count {
		_, err := s.dial(t).Write([]byte("GET /held/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
		require.NoError(t, err)
		<-s.entered
	}
	free = sync.OnceFunc(func() {
		for range count {
			s.release <- struct{}{}
		}
	})
	t.Cleanup(free)
	return free
}

func TestConnectionsBeyondTheLimit(t *testing.T) {
	const limit = 4
	s := serve(t, func(c *Config) { c.Connections = limit })
	free := s.occupy(t, limit)
	t.Run("receive 503 for any request", func(t *testing.T) {
		for range 20 {
			a := s.send(t, http.MethodPost, "/things/", jsonOf(768<<10))
			requireProblem(t, a, http.StatusServiceUnavailable)
			require.Equal(t, "1", a.header.Get("Retry-After"))
			require.True(t, a.last)
		}
	})
	t.Run("receive no response before they send: a client would treat it as an error", func(t *testing.T) {
		conn := s.dial(t)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		_, err = conn.Write([]byte("GET /things/ HTTP/1.1\r\nHost: a\r\n\r\n"))
		require.NoError(t, err)
		all := answers(t, conn, http.MethodGet)
		require.Len(t, all, 1)
		requireProblem(t, all[0], http.StatusServiceUnavailable)
	})
	t.Run("are served again after others were closed", func(t *testing.T) {
		free()
		require.Eventually(t, func() bool { return s.send(t, http.MethodGet, "/things/", "").status == http.StatusOK },
			20*time.Second, 5*time.Millisecond)
	})
	t.Run("are closed when too many are being rejected", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.Connections = 1 })
		s.occupy(t, 1)
		for range transport.Overload {
			s.dial(t)
		}
		require.Empty(t, s.sendRaw(t, "GET /things/ HTTP/1.1\r\nHost: a\r\n\r\n"))
	})
}

func TestClientsThatAreStillSendingGetTheResponse(t *testing.T) {
	large := serve(t)
	full := serve(t, func(c *Config) { c.Connections = 1 })
	full.occupy(t, 1)
	for status, s := range map[int]*testServer{
		http.StatusRequestEntityTooLarge: large, http.StatusServiceUnavailable: full,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			conn := s.dial(t)
			_, err := conn.Write([]byte("POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"))
			require.NoError(t, err)
			for range 20 {
				_, err := conn.Write(make([]byte, 4096))
				require.NoError(t, err, "a reset would discard the response")
				time.Sleep(time.Millisecond)
			}
			all := answers(t, conn, http.MethodPost)
			require.Len(t, all, 1)
			requireProblem(t, all[0], status)
		})
	}
}

func TestR21_SlowConnectionsAreClosed(t *testing.T) {
	s := serve(t, func(c *Config) { c.ReadTimeout, c.IdleTimeout = 200*time.Millisecond, 200*time.Millisecond })
	for name, sent := range map[string]string{
		"one that sends nothing":       "",
		"one that stops in its header": "GET /things/ HTTP/1.1\r\nHo",
		"one that stops in its body":   "POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1",
		"one that stops in a chunk":    "POST /things/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1",
		"one that is idle afterwards":  "GET /things/ HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		t.Run(name+" is closed in time", func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			conn := s.dial(t)
			_, err := conn.Write([]byte(sent))
			require.NoError(t, err)
			require.Len(t, answers(t, conn, "GET"), 1)
			require.Less(t, time.Since(started), s.cfg.ReadTimeout+time.Second)
		})
	}
	t.Run("closes one that sends slowly", func(t *testing.T) {
		t.Parallel()
		started := time.Now()
		conn := s.dial(t)
		for i := 0; ; i++ {
			if _, err := conn.Write([]byte("GET /things/ HTTP/1.1\r\nHost: a\r\nX-A: "[i%10 : i%10+1])); err != nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
			require.Less(t, time.Since(started), s.cfg.ReadTimeout+time.Second)
		}
	})
}

// While one network has all connections and opens more, others are served.
func TestIdleConnectionsOfANetworkDoNotBlockOthers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *Config) { c.Connections = 64 })
	for range 300 {
		conn := s.dial(t)
		_, err := conn.Write([]byte("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"))
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		require.NoError(t, err, "the newest connection is always served")
	}
	require.LessOrEqual(t, s.listener.Count(), 64)
	require.Len(t, s.logged.FilterMessageSnippet("http_connections").All(), 1)
}
