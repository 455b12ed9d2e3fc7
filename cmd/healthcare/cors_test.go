package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestR46_OnlyAllowedOriginsMayCallFromABrowser(t *testing.T) {
	t.Parallel()
	const allowed, allowOrigin = "https://app.clinic.example", "Access-Control-Allow-Origin"
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		preflight := func(origin string) answer {
			return c.do("OPTIONS", "/api/patients/", nil, "Origin", origin, "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization")
		}
		a := preflight(allowed).is(204)
		require.Equal(t, allowed, a.header.Get(allowOrigin))
		require.Contains(t, a.header.Get("Access-Control-Allow-Methods"), "PATCH")
		for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Prefer", "traceparent", "tracestate", "X-Request-ID"} {
			require.Contains(t, a.header.Get("Access-Control-Allow-Headers"), name)
		}

		a = c.do("GET", "/api/patients/", nil, "Origin", allowed).is(200)
		require.Equal(t, allowed, a.header.Get(allowOrigin))
		require.Contains(t, a.header.Get("Access-Control-Expose-Headers"), "Link")
		require.Contains(t, a.header.Get("Vary"), "Origin")
		require.Empty(t, a.header.Get("Access-Control-Allow-Credentials"))
		require.Equal(t, allowed, c.do("GET", "/api/patients/x", nil, "Origin", allowed).is(404).header.Get(allowOrigin), "a page may read errors too")

		for _, origin := range []string{
			"https://evil.example", "https://app.clinic.example.evil.example", "http://app.clinic.example", "https://app.clinic.example:444",
			"https://xapp.clinic.example", "null", "https://app.clinic.example/",
		} {
			require.Empty(t, preflight(origin).header.Get(allowOrigin), origin)
			require.Empty(t, c.do("GET", "/api/patients/", nil, "Origin", origin).is(200).header.Get(allowOrigin), origin)
		}
	}, func(cfg *config.Config) { cfg.CORSOrigins = []string{allowed} })

	t.Run("and none by default", func(t *testing.T) {
		eachEngine(t, func(t *testing.T, s *service) {
			c := s.client(t)
			require.Empty(t, c.do("GET", "/livez", nil, "Origin", allowed).is(200).header.Get(allowOrigin))
			a := c.do("OPTIONS", "/api/patients/", nil, "Origin", allowed, "Access-Control-Request-Method", "POST").is(204)
			require.Empty(t, a.header.Get("Access-Control-Allow-Methods"), "so the browser sends nothing")
		})
	})
}
