package httpserver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"healthcare/platform/contract"
)

func TestRequestsAreMeasured(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := serveObserved(t, Telemetry{Registry: registry})
	s.panics = "x"
	const host = " HTTP/1.1\r\nHost: a\r\n"
	for range 3 {
		s.sendRaw(t, "GET /things/42/"+host+bearer+"\r\n\r\n")
	}
	for _, raw := range []string{
		"HEAD /things/43" + host + bearer + "\r\n\r\n", "GET /things/44/" + host + "\r\n",
		"GET /panic/" + host + "\r\n", "GET /nothing/at/all" + host + "\r\n",
		"OPTIONS /things/" + host + "\r\n", "BREW /things/" + host + "\r\n", "GET /things/" + host + "broken\r\n\r\n",
		"POST /things/" + host + "Content-Length: 5000\r\n\r\n",
	} {
		s.sendRaw(t, raw)
	}
	counted := func(route, method string, status int) string {
		return fmt.Sprintf("http_requests_total{method=%q,route=%q,status=\"%d\"}", method, route, status)
	}
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP http_requests_total Completed requests, by route pattern, method and status.
# TYPE http_requests_total counter
`+counted("/things/{id}/", "GET", 200)+` 3
`+counted("/things/{id}/", "HEAD", 200)+` 1
`+counted("/things/{id}/", "GET", 401)+` 1
`+counted("/panic/", "GET", 500)+` 1
`+counted("unmatched", "GET", 404)+` 1
`+counted("unmatched", "OPTIONS", 204)+` 1
`+counted("unmatched", "unknown", 501)+` 1
`+counted("unmatched", "unknown", 400)+` 1
`+counted("unmatched", "unknown", 413)+` 1
# HELP http_requests_in_flight Requests that are being processed.
# TYPE http_requests_in_flight gauge
http_requests_in_flight 0
`), "http_requests_total", "http_requests_in_flight"))
	series, err := testutil.GatherAndCount(registry, "http_request_duration_seconds")
	require.NoError(t, err)
	require.Equal(t, 6, series, "by route and method")

	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestMeasuringARequestAllocatesNothing(t *testing.T) {
	m := newMeter()
	op := &contract.Operation{Method: http.MethodGet, Route: "/things/{id}/"}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		m.observe(op, http.MethodGet, http.StatusOK, time.Millisecond)
		m.observe(unmatched, http.MethodGet, http.StatusNotFound, time.Millisecond)
	}))
	m.observe(op, http.MethodGet, -1, 0)
	m.observe(op, http.MethodGet, 999, 0)
	require.InDelta(t, 2, testutil.ToFloat64(m.requests.WithLabelValues(op.Route, http.MethodGet, "0")), 0)
}

func BenchmarkMeasure(b *testing.B) {
	m := newMeter()
	op := &contract.Operation{Method: http.MethodGet, Route: "/things/{id}/"}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.observe(op, http.MethodGet, http.StatusOK, time.Millisecond)
		}
	})
}

func TestMetricsAreForThisMachineOnly(t *testing.T) {
	t.Run("serves this machine by any of its names", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.AllowedHosts = []string{"clinic.example"} })
		s.send(t, http.MethodGet, "/livez", "")
		got := s.send(t, http.MethodGet, "/metrics", "", "Host: localhost")
		require.Equal(t, http.StatusOK, got.status)
		require.Contains(t, got.body, `http_requests_total{method="GET",route="/livez",status="200"} 1`)
		require.True(t, strings.HasPrefix(got.header.Get("Content-Type"), "text/plain"), got.header)
		requireHardened(t, got)
	})
	t.Run("rejects a foreign name of this machine (DNS rebinding)", func(t *testing.T) {
		s := serve(t)
		for host, status := range map[string]int{
			"evil.example":           404,
			"127.0.0.1:8000":         200,
			"[::1]":                  200,
			"localhost.":             200,
			"127.0.0.1.evil.example": 404,
		} {
			require.Equal(t, status, s.send(t, http.MethodGet, "/metrics", "", "Host: "+host).status, host)
		}
		s = serve(t, func(c *Config) { c.AllowedHosts = []string{"clinic.example"} })
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/metrics", "", "Host: clinic.example").status)
	})
	t.Run("rejects a request through a proxy, even on this machine", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.TrustedProxies = prefixes("127.0.0.0/8") })
		for _, name := range append(proxyHeaders, "x-forwarded-for") {
			require.Equal(
				t, http.StatusNotFound, s.send(t, http.MethodGet, "/metrics", "", name+": 127.0.0.1").status, name,
			)
		}
	})
	t.Run("rejects all requests if metrics have their own address", func(t *testing.T) {
		s := serveObserved(t, Telemetry{Registry: prometheus.NewRegistry(), Elsewhere: true})
		require.Equal(t, http.StatusNotFound, s.send(t, http.MethodGet, "/metrics", "").status)
	})
	t.Run("rejects other machines", func(t *testing.T) {
		address := anotherAddress(t)
		s := serve(t, func(c *Config) { c.Address = address + ":0" })
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/livez", "").status)
		require.Equal(
			t, http.StatusNotFound, s.send(t, http.MethodGet, "/metrics", "").status, "it came from %s", address,
		)
	})
}
