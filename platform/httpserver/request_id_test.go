package httpserver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestRequestID(t *testing.T) {
	s := serve(t)
	// asked sends a request with headers, and returns the request id of the response and the client's id in the log.
	asked := func(t *testing.T, request, headers string, status int) (ours, clients string) {
		t.Helper()
		s.logged.TakeAll()
		all := s.sendRaw(t, request+" HTTP/1.1\r\nHost: a\r\n"+headers+"\r\n")
		require.Len(t, all, 1)
		require.Equal(t, status, all[0].status)
		require.Len(t, all[0].header.Values("X-Request-ID"), 1)
		ours = all[0].header.Get("X-Request-ID")
		id, err := uuid.Parse(ours)
		require.NoError(t, err)
		require.Equal(t, uuid.Version(7), id.Version())
		if status >= 400 {
			require.Equal(t, ours, requireProblem(t, all[0], status).RequestID)
		}
		lines := s.logged.FilterMessage("request").All()
		require.Len(t, lines, 1)
		require.Equal(t, ours, lines[0].ContextMap()["request_id"])
		clients, _ = lines[0].ContextMap()["client_request_id"].(string)
		return ours, clients
	}
	for _, request := range []struct {
		what, line, headers string
		status              int
	}{
		{"a request that is served", "GET /things/", "", http.StatusOK},
		{"a request that is rejected", "GET /nothing/", "", http.StatusNotFound},
		{"a method that is unknown", "BREW /things/", "", http.StatusNotImplemented},
		{
			"a request that can be read in two ways",
			"GET /things/",
			"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
			http.StatusBadRequest,
		},
	} {
		t.Run(request.what, func(t *testing.T) {
			for _, good := range []string{
				"0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", "F47AC10B-58CC-4372-A567-0E02B2C3D479",
				"0af7651916cd43dd8448eb211c80319c",
			} {
				ours, clients := asked(t, request.line, "X-Request-ID: "+good+"\r\n"+request.headers, request.status)
				require.Equal(t, good, clients, "it is logged")
				require.NotEqual(t, good, ours)
			}
			first, none := asked(t, request.line, request.headers, request.status)
			second, _ := asked(t, request.line, request.headers, request.status)
			require.Empty(t, none)
			require.NotEqual(t, first, second, "every request has a new id")
		})
	}
	uid := "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
	for _, bad := range []string{
		"", " ", "a", "Root_1.2-3", strings.Repeat("a", 31),
		strings.Repeat("a", 33), strings.Repeat("a", 64), strings.Repeat("g", 32),
		"urn:uuid:" + uid, "{" + uid + "}", uid + "x",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx", "0193525f1f70-7cc1-a0e2-0f6e2b6cfe3b-",
		uid + "\r\nX-Request-ID: " + uid, "é", "<script>", `"a"`, "a%0d%0aSet-Cookie:x", "${jndi:x}", "a\u202eb",
	} {
		t.Run("ignored: "+bad, func(t *testing.T) {
			ours, clients := asked(t, "GET /things/", "X-Request-ID: "+bad+"\r\n", http.StatusOK)
			require.Empty(t, clients)
			require.NotEqual(t, bad, ours)
		})
	}
	t.Run("an id that would split the response is rejected or ignored", func(t *testing.T) {
		for _, split := range []string{"a\r\n Set-Cookie: x", "a\rSet-Cookie: x", "a\nSet-Cookie: x", "a\x00b"} {
			for _, a := range s.sendRaw(t, "GET /things/ HTTP/1.1\r\nHost: a\r\nX-Request-ID: "+split+"\r\n\r\n") {
				require.Empty(t, a.header.Values("Set-Cookie"))
				require.NotContains(t, a.header.Get("X-Request-ID"), "Cookie")
			}
		}
	})
}
