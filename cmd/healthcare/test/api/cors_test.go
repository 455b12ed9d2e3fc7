package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
)

func TestR46_BrowsersMayCallFromAllowedOriginsOnly(t *testing.T) {
	t.Parallel()
	const allowed, allowOrigin = "https://app.clinic.example", "Access-Control-Allow-Origin"
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		preflight := func(origin string) harness.Response {
			return c.Do("OPTIONS", "/api/patients/", nil, "Origin", origin, "Access-Control-Request-Method", "PATCH",
				"Access-Control-Request-Headers", "authorization")
		}
		a := preflight(allowed).Expect(204)
		require.Equal(t, allowed, a.Header.Get(allowOrigin))
		require.Contains(t, a.Header.Get("Access-Control-Allow-Methods"), "PATCH")
		for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
			"Prefer", "traceparent", "tracestate", "X-Request-ID"} {
			require.Contains(t, a.Header.Get("Access-Control-Allow-Headers"), name)
		}

		a = c.Do("GET", "/api/patients/", nil, "Origin", allowed).Expect(200)
		require.Equal(t, allowed, a.Header.Get(allowOrigin))
		require.Contains(t, a.Header.Get("Access-Control-Expose-Headers"), "Link")
		require.Contains(t, a.Header.Get("Vary"), "Origin")
		require.Empty(t, a.Header.Get("Access-Control-Allow-Credentials"))
		require.Equal(
			t, allowed, c.Do("GET", "/api/patients/x", nil, "Origin", allowed).Expect(404).Header.Get(allowOrigin),
			"a page may read errors too")

		for _, origin := range []string{
			"https://evil.example", "https://app.clinic.example.evil.example", "http://app.clinic.example",
			"https://app.clinic.example:444",
			"https://xapp.clinic.example", "null", "https://app.clinic.example/",
		} {
			require.Empty(t, preflight(origin).Header.Get(allowOrigin), origin)
			require.Empty(t, c.Do("GET", "/api/patients/", nil, "Origin", origin).Expect(200).Header.Get(allowOrigin),
				origin)
		}
	}, func(cfg *config.Config) { cfg.CORSOrigins = []string{allowed} })

	t.Run("by default no origin is allowed", func(t *testing.T) {
		harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
			c := s.Anonymous(t)
			require.Empty(t, c.Do("GET", "/livez", nil, "Origin", allowed).Expect(200).Header.Get(allowOrigin))
			a := c.Do("OPTIONS", "/api/patients/", nil, "Origin", allowed, "Access-Control-Request-Method",
				"POST").Expect(204)
			require.Empty(t, a.Header.Get("Access-Control-Allow-Methods"), "the browser does not send the request")
		})
	})
}
