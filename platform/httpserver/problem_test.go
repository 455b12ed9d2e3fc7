package httpserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/errs"
)

// requireProblem requires an error response (RFC 9457).
func requireProblem(t *testing.T, a answer, status int) Problem {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	requireHardened(t, a)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &members), a.body)
	for _, required := range []string{"type", "title", "status", "code", "detail", "request_id"} {
		require.NotEmpty(t, members[required], required)
	}
	var p Problem
	require.NoError(t, json.Unmarshal([]byte(a.body), &p))
	require.Equal(t, status, p.Status)
	require.Equal(t, "/problems/"+p.Code, p.Type)
	require.Equal(t, a.header.Get("X-Request-ID"), p.RequestID)
	return p
}

// requireHardened requires the headers of every response.
func requireHardened(t *testing.T, a answer) {
	t.Helper()
	require.NotEmpty(t, a.header.Get("X-Request-ID"))
	for name, value := range map[string]string{
		"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
	} {
		if a.header.Get("Content-Type") == "application/json" && a.header.Get("ETag") != "" && name == "Cache-Control" {
			value = "no-cache" // the contract
		}
		require.Equal(t, []string{value}, a.header.Values(name), name)
	}
	require.Empty(t, a.header.Values("Server"))
}

// errorRequests returns, for each error of the server and its middleware, a function that provokes it.
func errorRequests(t *testing.T) map[string]func(t *testing.T, method string) answer {
	s := serve(t, func(c *Config) { c.AllowedHosts = []string{"127.0.0.1"} })
	impatient := serve(t, func(c *Config) { c.ReadTimeout = 100 * time.Millisecond })
	full := serve(t, func(c *Config) { c.Connections = 1 })
	failing := serve(t)
	failing.broken = errs.New(errs.Unavailable, "unavailable", "The store cannot be reached.")
	draining := serve(t)
	draining.draining.Store(true)
	full.occupy(t, 1)

	raw := func(s *testServer, text string) func(*testing.T, string) answer {
		return func(t *testing.T, method string) answer {
			all := s.sendRaw(t, strings.Replace(text, "GET", method, 1))
			require.Len(t, all, 1)
			return all[0]
		}
	}
	late := func(text string) func(*testing.T, string) answer {
		return func(t *testing.T, method string) answer {
			conn := impatient.dial(t)
			_, err := fmt.Fprintf(conn, text, method)
			require.NoError(t, err)
			all := answers(t, conn, method)
			require.Len(t, all, 1)
			return all[0]
		}
	}
	send := func(s *testServer, target string, headers ...string) func(*testing.T, string) answer {
		return func(t *testing.T, method string) answer { return s.send(t, method, target, "", headers...) }
	}
	const host = " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	return map[string]func(*testing.T, string) answer{
		"400 malformed_request for a header without a colon": raw(s, "GET /things/"+host+"broken\r\n\r\n"),
		"400 malformed_request for two framings": raw(
			s, "GET /things/"+host+"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		),
		"400 malformed_request for a broken chunk": raw(
			s, "GET /things/"+host+"Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
		),
		"401 not_authenticated without a token":           send(s, "/things/1/"),
		"404 not_found for an unknown path":               send(s, "/nothing/"),
		"404 not_found for a path that cannot be decoded": raw(s, "GET /things/%zz/"+host+"\r\n"),
		"404 not_found for an unknown problem":            send(s, "/problems/nothing"),
		"405 method_not_allowed for a path without GET":   send(s, "/small/"),
		"408 request_timeout for nothing":                 late("%.0s"),
		"408 request_timeout for half a header":           late("%s /things/ HTTP/1.1\r\nHost: a\r\nX-A: "),
		"408 request_timeout for half a body": late(
			"%s /things/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
		),
		"413 body_too_large by its length": raw(
			s, "GET /things/"+host+"Content-Length: 4097\r\n\r\n",
		),
		"413 body_too_large by its chunks": raw(
			s,
			"GET /things/"+host+"Transfer-Encoding: chunked\r\n\r\n1001\r\n"+strings.Repeat("a", 4097)+"\r\n0\r\n\r\n",
		),
		"414 uri_too_long for a long query":          send(s, "/things/?"+strings.Repeat("q", 512)),
		"415 unsupported_media_type for an encoding": send(s, "/things/", "Content-Encoding: gzip"),
		"421 misdirected_request for another host":   send(s, "/things/", "Host: elsewhere"),
		"431 headers_too_large for a long header":    send(s, "/things/", "X-A: "+strings.Repeat("a", 2048)),
		"500 internal_error for a panic":             send(s, "/panic/"),
		"503 unavailable without a store":            send(failing, "/readyz"),
		"503 unavailable without a free connection":  send(full, "/things/"),
		"503 shutting_down while draining":           send(draining, "/readyz"),
	}
}

func TestR47_X06_EveryErrorHasAllHeaders(t *testing.T) {
	documented := contractOf(t)
	for name, provoke := range errorRequests(t) {
		var status int
		var code string
		_, err := fmt.Sscan(name, &status, &code)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			answer := provoke(t, http.MethodGet)
			problem := requireProblem(t, answer, status)
			require.Equal(t, code, problem.Code)
			require.Contains(t, documented.Problems, code)
			require.Equal(
				t, status == http.StatusUnauthorized, answer.header.Get("WWW-Authenticate") == `Bearer realm="api"`,
			)
			require.Equal(t, status == http.StatusMethodNotAllowed, answer.header.Get("Allow") == "POST, OPTIONS")
			require.Equal(t, status == http.StatusServiceUnavailable, answer.header.Get("Retry-After") == "1")
		})
		if status == http.StatusRequestTimeout || strings.Contains(name, "free connection") ||
			strings.Contains(name, "chunk") || code == "malformed_request" {
			continue // the response does not depend on the method, and the connection ends
		}
		t.Run(name+" has no body for HEAD", func(t *testing.T) {
			answer := provoke(t, http.MethodHead)
			require.Equal(t, status, answer.status)
			requireHardened(t, answer)
			require.Equal(t, "application/problem+json", answer.header.Get("Content-Type"))
			require.Empty(t, answer.body)
		})
	}
}

func TestR47_RejectsOtherMethodsAndBodies(t *testing.T) {
	s := serve(t)
	t.Run("501 for an unknown method", func(t *testing.T) {
		requireProblem(t, s.send(t, "BREW", "/things/", ""), http.StatusNotImplemented)
	})
	t.Run("400 for a body that is not JSON", func(t *testing.T) {
		p := requireProblem(t, s.send(t, http.MethodPost, "/things/", "{"), http.StatusBadRequest)
		require.Equal(t, "malformed_json", p.Code)
		require.Equal(t, "/things/", p.Instance)
	})
	t.Run("413 for a body above its operation's limit", func(t *testing.T) {
		requireProblem(
			t, s.send(t, http.MethodPost, "/small/", strings.Repeat(" ", 65)), http.StatusRequestEntityTooLarge,
		)
	})
	t.Run("415 for a body of another type", func(t *testing.T) {
		requireProblem(
			t, s.send(t, http.MethodPost, "/things/", "<a/>", "Content-Type: text/xml"),
			http.StatusUnsupportedMediaType,
		)
	})
	t.Run("the instance contains no text of the client", func(t *testing.T) {
		p := requireProblem(t, s.send(t, http.MethodGet, "/things/canary/?q=canary", ""), http.StatusUnauthorized)
		require.Equal(t, "/things/", p.Instance)
	})
	t.Run("a success has the headers too", func(t *testing.T) {
		requireHardened(t, s.send(t, http.MethodGet, "/things/", ""))
		requireHardened(t, s.send(t, http.MethodGet, "/livez", ""))
	})
	t.Run("the address of a problem's type explains it", func(t *testing.T) {
		explained := s.send(t, http.MethodGet, "/problems/malformed_json", "")
		require.Equal(t, http.StatusOK, explained.status)
		require.Contains(t, explained.body, "RFC 8259")
	})
}
