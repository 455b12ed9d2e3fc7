package httpserver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllowedHosts(t *testing.T) {
	for allowed, c := range map[string]struct{ served, refused string }{
		"":  {served: "a anything.example 192.0.2.1 [::1]:80"},
		"*": {served: "a anything.example 192.0.2.1 [::1]:80"},
		"api.example": {
			served: "api.example API.Example api.example. api.example:80 api.example.:8443 API.EXAMPLE:80",
			refused: "example www.api.example api.example.evil.example evilapi.example api-example api.example.. " +
				"api.example:80:80 127.0.0.1 [::1] [api.example] a",
		},
		"API.Example.": {served: "api.example api.example. API.EXAMPLE:80", refused: "example"},
		".example": {
			served:  "example api.example deep.api.example:80 API.EXAMPLE. example:1",
			refused: "badexample example.evil.test example-evil api.example.com 127.0.0.1",
		},
		"192.0.2.1":   {served: "192.0.2.1 192.0.2.1:8000", refused: "192.0.2.10 192.0.2.1.evil.test 2.1"},
		"2001:db8::1": {served: "[2001:db8::1] [2001:db8::1]:443 [2001:DB8::1]", refused: "[2001:db8::2] [::1]:80"},
		"[::1]":       {served: "[::1] [::1]:80", refused: "[::2] 127.0.0.1"},
		"a,b.test":    {served: "a b.test a:1", refused: "c ab.test"},
	} {
		t.Run("["+allowed+"]", func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(c *Config) {
				if allowed != "" {
					c.AllowedHosts = strings.Split(allowed, ",")
				}
			})
			for host := range strings.FieldsSeq(c.served) {
				require.Equal(t, http.StatusOK, s.statusForHost(t, "/things/", host), "%s is served", host)
			}
			for host := range strings.FieldsSeq(c.refused) {
				status := s.statusForHost(t, "/things/", host)
				require.Contains(
					t, []int{http.StatusMisdirectedRequest, http.StatusBadRequest}, status, "%s is refused", host,
				)
				require.Equal(t, status, s.statusForHost(t, "/nothing/", host), "before routing")
			}
		})
	}
	t.Run("probes may use any host, with and without a final slash", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(c *Config) { c.AllowedHosts = []string{"api.example"} })
		for _, probe := range []string{"/livez", "/livez/", "/readyz", "/readyz/"} {
			require.Equal(t, http.StatusOK, s.statusForHost(t, probe, "10.1.2.3:8000"), probe)
		}
		for _, other := range []string{
			"/openapi.json", "/LIVEZ", "/livez/things", "/things/?/livez", "/livez%2f..%2fthings/",
		} {
			require.Equal(t, http.StatusMisdirectedRequest, s.statusForHost(t, other, "10.1.2.3:8000"), other)
		}
	})
	t.Run("X-Forwarded-Host does not replace Host", func(t *testing.T) {
		t.Parallel()
		s := serve(
			t, func(c *Config) { c.AllowedHosts, c.TrustedProxies = []string{"api.example"}, prefixes("127.0.0.0/8") },
		)
		a := s.send(t, http.MethodGet, "/things/", "", "Host: evil.test", "X-Forwarded-Host: api.example")
		requireProblem(t, a, http.StatusMisdirectedRequest)
	})
}

// statusForHost returns the status of a request for host.
func (s *testServer) statusForHost(t *testing.T, target, host string) int {
	t.Helper()
	all := s.sendRaw(t, "GET "+target+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	require.Len(t, all, 1)
	return all[0].status
}
