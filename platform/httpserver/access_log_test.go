package httpserver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"
)

func TestR28_LogsOneLinePerRequest(t *testing.T) {
	s := serve(t, func(c *Config) { c.AllowedHosts = []string{"a", "127.0.0.1"} })
	s.panics = "x"
	const host = " HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine\r\n"
	for name, c := range map[string]struct {
		raw, method, route string
		status             int
	}{
		"a success":               {"GET /things/" + host + "\r\n", "GET", "/things/", 200},
		"a path with a parameter": {"GET /things/42/" + host + bearer + "\r\n\r\n", "GET", "/things/{id}/", 200},
		"without its slash":       {"HEAD /things/42" + host + bearer + "\r\n\r\n", "HEAD", "/things/{id}/", 200},
		"no token":                {"DELETE /things/42/" + host + "\r\n", "DELETE", "/things/{id}/", 401},
		"an unknown path":         {"GET /nothing/" + host + "\r\n", "GET", "unmatched", 404},
		"an unsupported method":   {"PUT /things/" + host + "\r\n", "PUT", "unmatched", 405},
		"a body that is not JSON": {
			"POST /things/" + host + "Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{", "POST", "/things/",
			400,
		},
		"a panic": {"GET /panic/" + host + "\r\n", "GET", "/panic/", 500},
		"another host": {
			"GET /things/ HTTP/1.1\r\nHost: b\r\nX-Request-ID: mine\r\n\r\n", "GET", "unmatched", 421,
		},
		"an unknown method": {"BREW /things/" + host + "\r\n", "unknown", "unmatched", 501},
		"two framings": {
			"GET /things/" + host + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "unknown",
			"unmatched", 400,
		},
		"a body that is too large": {
			"POST /things/" + host + "Content-Length: 5000\r\n\r\n", "unknown", "unmatched", 413,
		},
		"a header that cannot be read": {"GET /things/" + host + "broken\r\n\r\n", "unknown", "unmatched", 400},
		"a header that is too large": {
			"GET /things/" + host + strings.Repeat("a", 3000) + "\r\n\r\n", "unknown", "unmatched", 431,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.logged.TakeAll()
			all := s.sendRaw(t, c.raw)
			require.Len(t, all, 1)
			require.Equal(t, c.status, all[0].status)
			lines := s.logged.FilterMessage("request").All()
			require.Len(t, lines, 1)
			fields := lines[0].ContextMap()
			require.Equal(t, all[0].header.Get("X-Request-ID"), fields["request_id"])
			require.Equal(t, c.method, fields["method"])
			require.Equal(t, c.route, fields["route"])
			require.EqualValues(t, c.status, fields["status"])
			require.Equal(t, "127.0.0.1", fields["client"])
			require.Positive(t, fields["took_ms"].(float64))
			require.Equal(t, c.status >= 500, lines[0].Level == zapcore.ErrorLevel)
		})
	}
	t.Run("several requests on one connection", func(t *testing.T) {
		s.logged.TakeAll()
		require.Len(t, s.sendRaw(t, strings.Repeat("GET /things/"+host+"\r\n", 5)), 5)
		require.Equal(t, 5, s.logged.Len())
	})
	t.Run("a connection without a request has no line", func(t *testing.T) {
		s.logged.TakeAll()
		require.Empty(t, s.sendRaw(t, ""))
		require.Zero(t, s.logged.Len())
	})
}

func TestR26_TheLogContainsNoClientText(t *testing.T) {
	s := serve(t, func(c *Config) { c.TrustedProxies = prefixes("127.0.0.0/8") })
	const canary = "canary-Ananya"
	s.panics = canary
	const host = " HTTP/1.1\r\nHost: a\r\n"
	for _, raw := range []string{
		"GET /things/?name=" + canary + host + "\r\n",
		"GET /things/" + canary + "/" + host + bearer + "\r\n\r\n",
		"GET /" + canary + "/" + host + "\r\n",
		"GET /problems/" + canary + host + "\r\n",
		"GET /things/ HTTP/1.1\r\nHost: " + canary + "\r\n\r\n",
		"GET /things/1/" + host + "Authorization: Bearer " + canary + "\r\n\r\n",
		"GET /things/" + host + "X-Request-ID: " + canary + "!\r\nCookie: a=" + canary + "\r\nUser-Agent: " + canary +
			"\r\nReferer: " + canary + "\r\n\r\n",
		"GET /things/" + host + "X-Forwarded-For: " + canary + "\r\n\r\n",
		"GET /things/" + host + "X-Forwarded-For: fe80::1%" + canary + "\r\n\r\n",
		post("/things/", `{"name":"`+canary+`","`+canary+`":1}`, "length"),
		post("/things/", `{"name":{"`+canary+`":1}}`, "length"),
		post("/things/", canary, "one chunk"),
		"GET /panic/?" + canary + host + "X-A: " + canary + "\r\n\r\n",
		canary + " /things/" + host + "\r\n",
		strings.ToUpper(canary) + " /things/" + host + "\r\n",
		"GET /things/" + host + canary + "\r\n\r\n",
		"GET /things/" + host + "Content-Length: " + canary + "\r\n\r\n",
		"GET /things/" + host + "Content-Encoding: " + canary + "\r\n\r\n",
		"GET " + canary + host + "\r\n",
	} {
		require.NotEmpty(t, s.sendRaw(t, raw))
	}
	require.Equal(
		t, http.StatusUnauthorized, s.send(t, http.MethodGet, "/things/1/", "", "Authorization: Basic "+canary).status,
	)
	lines := strings.Join(s.lines(t), "")
	require.GreaterOrEqual(t, strings.Count(lines, `"msg":"request"`), 19)
	require.NotContains(t, strings.ToLower(lines), strings.ToLower(canary))
}
