package httpserver

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/platform/httpserver/transport"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestX10_LogsTheClientAddress(t *testing.T) {
	client := func(t *testing.T, trusted []netip.Prefix, headers ...string) any {
		t.Helper()
		s := serve(t, func(c *Config) { c.TrustedProxies = trusted })
		raw := "GET /things/ HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(headers, "\r\n"), "\r\n")
		require.Equal(t, http.StatusOK, s.sendRaw(t, raw)[0].status)
		return s.logged.FilterMessage("request").All()[0].ContextMap()["client"]
	}
	here := prefixes("127.0.0.0/8")
	t.Run("a peer that is not a proxy", func(t *testing.T) {
		require.Equal(
			t, "127.0.0.1",
			client(t, nil, "X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1"),
		)
	})
	t.Run("the last address of the last line of a proxy", func(t *testing.T) {
		require.Equal(
			t, "192.0.2.1", client(t, here, "X-Forwarded-For: 198.51.100.7", "x-forwarded-for: 203.0.113.9, 192.0.2.1"),
		)
	})
	t.Run("the address before the last proxy, in an earlier line", func(t *testing.T) {
		require.Equal(
			t, "192.0.2.1", client(t, here, "X-Forwarded-For: 198.51.100.7, 192.0.2.1", "X-Forwarded-For: 127.0.0.2"),
		)
	})
	t.Run("the proxy, if only other headers have an address", func(t *testing.T) {
		require.Equal(
			t, "127.0.0.1",
			client(t, here, "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1", "X-Client-IP: 192.0.2.1"),
		)
	})
}

func TestReadsOnlyTheConfiguredForwardingHeader(t *testing.T) {
	for header, want := range map[string]string{"": "192.0.2.1", transport.Forwarded: "192.0.2.2"} {
		t.Run("the header "+header, func(t *testing.T) {
			s := serve(t, func(c *Config) { c.TrustedProxies, c.ForwardedHeader = prefixes("127.0.0.0/8"), header })
			s.send(t, http.MethodGet, "/things/", "", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.2")
			other := "Forwarded: for=192.0.2.2"
			if header == transport.Forwarded {
				other = "X-Forwarded-For: 192.0.2.1"
			}
			s.send(t, http.MethodGet, "/things/", "", other)
			logged := s.logged.FilterMessage("request").All()
			require.Equal(t, want, logged[0].ContextMap()["client"])
			require.Equal(t, "127.0.0.1", logged[1].ContextMap()["client"])
		})
	}
}

func TestLogsWarningsOfForwardingHeaders(t *testing.T) {
	warnings := func(s *testServer) (all []observer.LoggedEntry) {
		for _, one := range s.logged.All() {
			if one.Level == zap.WarnLevel {
				all = append(all, one)
			}
		}
		return all
	}
	t.Run("logs an unreadable address once a minute, without its text", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.TrustedProxies = prefixes("127.0.0.0/8") })
		for range 5 {
			s.send(t, http.MethodGet, "/things/", "", "X-Forwarded-For: canary-7d1f")
		}
		all := warnings(s)
		require.Len(t, all, 1)
		require.Equal(t, map[string]any{"header": "X-Forwarded-For"}, all[0].ContextMap())
	})
	for _, header := range []string{"X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"} {
		t.Run("logs once a proxy that is not configured: "+header, func(t *testing.T) {
			s := serve(t, func(*Config) {})
			s.send(t, http.MethodGet, "/things/", "")
			require.Empty(t, warnings(s))
			for range 5 {
				s.send(t, http.MethodGet, "/things/", "", header)
			}
			all := warnings(s)
			require.Len(t, all, 1)
			require.Contains(t, all[0].Message, "TRUSTED_PROXIES")
			require.NotContains(t, fmt.Sprint(all[0].ContextMap()), "192.0.2.1")
		})
	}
	t.Run("finds the client of a long list of proxies", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.TrustedProxies = prefixes("127.0.0.0/8") })
		s.send(t, http.MethodGet, "/things/", "", "X-Forwarded-For: 192.0.2.1"+strings.Repeat(",127.0.0.2", 80))
		require.Equal(t, "192.0.2.1", s.logged.FilterMessage("request").All()[0].ContextMap()["client"])
	})
}
