package httpserver

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Bodies and responses share memory. Connections of a client that sends many incomplete bodies are closed when another
// client sends a body, but not before.
func TestBodiesShareMemory(t *testing.T) {
	const limit, senders = 512 << 10, 40
	s := serve(t, func(cfg *Config) {
		cfg.BodyLimit, cfg.Connections, cfg.TrustedProxies = limit, 256, []netip.Prefix{
			netip.MustParsePrefix("127.0.0.1/32"),
		}
	})
	head := "POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-Forwarded-For: 192.0.2.1\r\n"
	for range senders { // together they need 20 MiB
		conn := s.dial(t)
		_, err := fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n{", head, limit)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		used, waiting := s.shares.memory.Load()
		require.LessOrEqual(t, used, int64(memoryBytes))
		return used == memoryBytes && waiting == senders-memoryBytes/limit
	}, 20*time.Second, 5*time.Millisecond)

	body := `{"name":"` + strings.Repeat(" ", limit/2) + `"}`
	start := time.Now()
	require.Equal(
		t, http.StatusCreated, s.send(t, http.MethodPost, "/things/", body, "X-Forwarded-For: 198.51.100.1").status,
	)
	require.Less(t, time.Since(start), s.cfg.ReadTimeout)
	require.Equal(t, http.StatusCreated, s.send(
		t, http.MethodPost, "/things/", `{"name":"small"}`, "X-Forwarded-For: 192.0.2.1",
	).status,
		"a small body does not wait")
}

func TestDoesNotWaitForARejectedBody(t *testing.T) {
	s := serve(t)
	for headers, status := range map[string]int{
		"Content-Length: 100\r\nExpect: 200-ok\r\n":                           http.StatusExpectationFailed,
		"Content-Length: 100\r\nExpect: 100-continue\r\nExpect: 200-ok\r\n":   http.StatusExpectationFailed,
		"Transfer-Encoding: chunked\r\nExpect: 200-ok\r\n":                    http.StatusExpectationFailed,
		"Content-Length: 5000\r\n":                                            http.StatusRequestEntityTooLarge,
		"Content-Length: 5000\r\nExpect: 100-continue\r\n":                    http.StatusRequestEntityTooLarge,
		"Content-Length: 5000\r\nConnection: keep-alive\r\nUser-Agent: a\r\n": http.StatusRequestEntityTooLarge,
	} {
		conn := s.dial(t)
		request := "POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + headers + "\r\n"
		_, err := conn.Write([]byte(request))
		require.NoError(t, err)
		start := time.Now()
		all := answers(t, conn, request)
		require.Len(t, all, 1, headers)
		require.Equal(t, status, all[0].status, headers)
		require.Less(t, time.Since(start), s.cfg.ReadTimeout/2, headers)
	}
}

// A chunked body ends with a chunk of size 0. If the client closes earlier, the request is dropped.
func TestRejectsChunksWithoutEnd(t *testing.T) {
	s := serve(t)
	head := "POST /things/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
	for _, body := range []string{`{"name":"a"}`, `{"name":"` + strings.Repeat("a", 3000) + `"}`} {
		whole := fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(body), body)
		for _, missing := range []int{0, 2, 5, 7} {
			status := http.StatusBadRequest
			if missing == 0 {
				status = http.StatusCreated
			}
			conn := s.dial(t)
			_, err := conn.Write([]byte(whole[:len(whole)-missing]))
			require.NoError(t, err)
			require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			all := answers(t, conn, whole)
			require.Len(t, all, 1)
			require.Equal(t, status, all[0].status, "without the last %d bytes", missing)
		}
	}
}
