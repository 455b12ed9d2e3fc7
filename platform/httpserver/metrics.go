package httpserver

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"

	"healthcare/platform/contract"
	"healthcare/platform/httpserver/transport"
	"healthcare/platform/telemetry"
)

// Telemetry holds the metrics registry and the tracing of the server.
type Telemetry struct {
	Registry  *prometheus.Registry
	Elsewhere bool               // metrics are served on a separate address
	Tracing   *telemetry.Tracing // nil: nothing is traced
}

// meter measures requests. The values of its labels (route patterns, methods and statuses) are closed sets, so that no
// client can add a series.
type meter struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newMeter() *meter {
	return &meter{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Completed requests, by route pattern, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_request_duration_seconds",
			Help:    "Time from a request's last byte to its response, by route pattern and method.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(
			prometheus.GaugeOpts{Name: "http_requests_in_flight", Help: "Requests that are being processed."},
		),
	}
}

func (m *meter) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.inFlight}
}

// observe records a request after its response.
func (m *meter) observe(op *contract.Operation, method string, status int, elapsed time.Duration) {
	if op == unmatched && !slices.Contains(standardMethods, method) {
		method = "unknown"
	}
	if status < 0 || status >= len(statusTexts) {
		status = 0
	}
	m.duration.WithLabelValues(op.Route, method).Observe(elapsed.Seconds())
	m.requests.WithLabelValues(op.Route, method, statusTexts[status]).Inc()
}

// standardMethods are the methods that Fiber supports.
var standardMethods = []string{
	fiber.MethodGet, fiber.MethodHead, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete,
	fiber.MethodOptions, fiber.MethodTrace, fiber.MethodConnect,
}

// statusTexts has the labels of the HTTP statuses (RFC 9110, section 15), so that observe does not allocate.
var statusTexts = func() (texts [600]string) {
	for status := range texts {
		texts[status] = strconv.Itoa(status)
	}
	return texts
}()

// metrics returns the handler for scrapes from the same machine. It responds with 404 to other machines, and to all
// requests if metrics are served on a separate address.
func (s *Server) metrics() fiber.Handler {
	scrape := adaptor.HTTPHandler(telemetry.Handler(s.telemetry.Registry))
	return func(c *fiber.Ctx) error {
		if s.telemetry.Elsewhere || !isLocal(c) || !s.isLocalName(string(c.Request().Host())) {
			return errNotFound
		}
		return scrape(c)
	}
}

// isLocalName reports whether the host of a scrape names this machine. Otherwise a page whose domain resolves to this
// machine (DNS rebinding) could read the metrics through a local browser.
func (s *Server) isLocalName(host string) bool {
	name := hostName(host)
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.IsLoopback() || s.cfg.allowsHost(host)
	}
	return name == "localhost" || len(s.cfg.AllowedHosts) > 0 && s.cfg.allowsHost(host)
}

// proxyHeaders are headers that proxies add.
var proxyHeaders = []string{
	fiber.HeaderXForwardedFor, transport.Forwarded, "X-Real-IP", fiber.HeaderVia, fiber.HeaderXForwardedProto,
	fiber.HeaderXForwardedHost,
}

// isLocal reports whether a request was sent by this machine, without a proxy.
func isLocal(c *fiber.Ctx) bool {
	for _, name := range proxyHeaders {
		if len(c.Request().Header.Peek(name)) > 0 {
			return false
		}
	}
	peer, ok := c.Context().RemoteAddr().(*net.TCPAddr)
	return ok && peer.IP.IsLoopback()
}
