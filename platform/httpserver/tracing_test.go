package httpserver

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"healthcare/platform/telemetry"
)

// anotherAddress returns an address of this machine that is not loopback. Connections to it also have it as their
// source.
func anotherAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, address := range all {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLoopback() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback's")
	return ""
}

// traced returns a server whose spans are recorded.
func traced(t *testing.T) (*testServer, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	s := serveObserved(t, Telemetry{Registry: prometheus.NewRegistry(), Tracing: telemetry.TracingWith(provider)})
	return s, spans
}

func attributesOf(span sdktrace.ReadOnlySpan) map[string]string {
	all := map[string]string{}
	for _, a := range span.Attributes() {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

func TestTracesRequests(t *testing.T) {
	s, recorded := traced(t)
	s.panics = "canary"
	ended := func(raw string) []sdktrace.ReadOnlySpan {
		recorded.Reset()
		s.logged.TakeAll()
		require.NotEmpty(t, s.sendRaw(t, raw))
		return recorded.Ended()
	}
	const host = " HTTP/1.1\r\nHost: a\r\n"
	t.Run("a span of the route, with one of the use case in it", func(t *testing.T) {
		all := ended("GET /things/canary/?a=canary" + host + bearer + "\r\nUser-Agent: canary\r\n\r\n")
		require.Len(t, all, 2)
		useCase, request := all[0], all[1]
		require.Equal(t, "GET /things/{id}/", request.Name())
		require.Equal(t, trace.SpanKindServer, request.SpanKind())
		require.Equal(
			t,
			map[string]string{
				"http.request.method": "GET", "http.route": "/things/{id}/", "http.response.status_code": "200",
			},
			attributesOf(request),
		)
		require.False(t, request.Parent().IsValid())
		require.Equal(t, "readThing", useCase.Name())
		require.Equal(t, request.SpanContext().SpanID(), useCase.Parent().SpanID())
		require.Equal(t, codes.Unset, request.Status().Code)
		line := s.logged.FilterMessage("request").All()[0].ContextMap()
		require.Equal(t, request.SpanContext().TraceID().String(), line["trace_id"])
	})
	t.Run("no span of the use case if the request is rejected before", func(t *testing.T) {
		all := ended("GET /things/1/" + host + "\r\n")
		require.Len(t, all, 1)
		require.Equal(t, "401", attributesOf(all[0])["http.response.status_code"])
		require.Equal(t, codes.Unset, all[0].Status().Code, "the client's mistake")
	})
	t.Run("a failure, without its text", func(t *testing.T) {
		all := ended("GET /panic/" + host + "\r\n")
		require.Len(t, all, 2)
		require.Equal(t, codes.Error, all[1].Status().Code)
		require.Empty(t, all[1].Status().Description)
		require.Equal(t, "internal_error", attributesOf(all[1])["error.type"])
		require.Empty(t, all[1].Events())
	})
	t.Run("the method alone for an unknown path", func(t *testing.T) {
		all := ended("DELETE /canary/" + host + "\r\n")
		require.Len(t, all, 1)
		require.Equal(t, "DELETE", all[0].Name())
		require.NotContains(t, attributesOf(all[0]), "http.route")
	})
	t.Run("inside the caller's trace", func(t *testing.T) {
		const parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
		request := ended("GET /livez" + host + parent + "01\r\ntracestate: canary=1\r\nbaggage: canary=1\r\n\r\n")[1]
		require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", request.SpanContext().TraceID().String())
		require.Equal(t, "00f067aa0ba902b7", request.Parent().SpanID().String())
		require.Empty(t, request.SpanContext().TraceState().String(), "the client's own words are not passed on")
		require.Empty(t, ended("GET /livez"+host+parent+"00\r\n\r\n"), "the caller does not want it sampled")
	})
	t.Run("in a new trace if the caller's is malformed", func(t *testing.T) {
		for _, bad := range []string{
			"canary", "00-0-0-01", "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01",
			"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		} {
			all := ended("GET /livez" + host + "traceparent: " + bad + "\r\n\r\n")
			require.Len(t, all, 2, bad)
			require.False(t, all[1].Parent().IsValid(), bad)
		}
	})
}

func TestDisabledTracingAllocatesNothing(t *testing.T) {
	s := serve(t)
	c := s.app.AcquireCtx(&fasthttp.RequestCtx{})
	defer s.app.ReleaseCtx(c)
	c.Request().Header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		span := s.startSpan(c)
		endSpan(span, unmatched, http.MethodGet, http.StatusOK, nil)
	}))
	handler := func(*fiber.Ctx) error { return nil }
	require.Zero(t, testing.AllocsPerRun(1000, func() { _ = s.traceHandler(unmatched, handler) }))
}
