package httpserver

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"

	"healthcare/platform/contract"
	"healthcare/platform/telemetry"
)

// Telemetry is what the server is watched with.
type Telemetry struct {
	Registry  *prometheus.Registry
	Elsewhere bool               // /metrics has an address of its own
	Tracing   *telemetry.Tracing // nil: nothing is traced
}

// operationMeter measures an operation's requests. head is nil where HEAD is not served.
type operationMeter struct{ own, head *measured }

// meter measures requests. Its labels are route patterns, methods and statuses, all of closed sets, so nothing that a client types makes a
// series of its own.
type meter struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	nowhere  map[string]*measured // by method: requests that reached no operation; complete from the start

	byOperation map[*contract.Operation]operationMeter // complete before requests are served
}

// unmatchedMethods are those that a request may have that reaches no operation; "unknown" is one that was not read, or is not HTTP's.
var unmatchedMethods = []string{
	fiber.MethodGet, fiber.MethodHead, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete, fiber.MethodOptions,
	fiber.MethodTrace, fiber.MethodConnect, "unknown",
}

func newMeter() *meter {
	m := &meter{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests that were answered, by route pattern, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "How long requests took from their last byte to their answer, by route pattern and method.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_requests_in_flight", Help: "Requests that are being answered."}),
		nowhere:  map[string]*measured{},

		byOperation: map[*contract.Operation]operationMeter{},
	}
	for _, method := range unmatchedMethods {
		m.nowhere[method] = &measured{meter: m, route: unmatched.Route, method: method}
	}
	return m
}

func (m *meter) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.inFlight}
}

// measure prepares what an operation is measured with. HEAD is served where GET is.
func (m *meter) measure(op *contract.Operation) {
	of := operationMeter{own: &measured{meter: m, route: op.Route, method: op.Method}}
	if op.Method == fiber.MethodGet {
		of.head = &measured{meter: m, route: op.Route, method: fiber.MethodHead}
	}
	m.byOperation[op] = of
}

// of is what a request is measured with.
func (m *meter) of(op *contract.Operation, method string) *measured {
	if op == unmatched {
		if nowhere, known := m.nowhere[method]; known {
			return nowhere
		}
		return m.nowhere["unknown"]
	}
	of := m.byOperation[op]
	if method == fiber.MethodHead && of.head != nil {
		return of.head
	}
	return of.own
}

// measured is one route and method. Its series are looked up once, so that measuring a request is a few atomic additions.
type measured struct {
	meter         *meter
	route, method string
	duration      atomic.Pointer[prometheus.Observer]
	byStatus      [600]atomic.Pointer[prometheus.Counter]
}

func (m *measured) observe(status int, took time.Duration) {
	duration := m.duration.Load()
	if duration == nil {
		found := m.meter.duration.WithLabelValues(m.route, m.method)
		duration = &found
		m.duration.Store(duration)
	}
	(*duration).Observe(took.Seconds())
	if status < 0 || status >= len(m.byStatus) {
		status = 0 // HTTP has none beyond (RFC 9110, section 15)
	}
	counter := m.byStatus[status].Load()
	if counter == nil {
		found := m.meter.requests.WithLabelValues(m.route, m.method, statusText(status))
		counter = &found
		m.byStatus[status].Store(counter)
	}
	(*counter).Inc()
}

// metrics answers a scrape from the same machine, unless the measurements have an address of their own.
func (s *Server) metrics() fiber.Handler {
	scrape := adaptor.HTTPHandler(telemetry.Handler(s.telemetry.Registry))
	return func(c *fiber.Ctx) error {
		if s.telemetry.Elsewhere || !fromThisMachine(c) || !s.namesThisMachine(string(c.Request().Host())) {
			return errNotFound
		}
		return scrape(c)
	}
}

// forwarded are the headers that proxies add: who comes with one of them comes through a proxy, whatever machine that is on.
var forwarded = []string{fiber.HeaderXForwardedFor, "Forwarded", "X-Real-IP", fiber.HeaderVia, fiber.HeaderXForwardedProto, fiber.HeaderXForwardedHost}

// namesThisMachine reports whether a scrape is sent to a name of this machine. A page whose own name leads here (DNS
// rebinding) comes from this machine too.
func (s *Server) namesThisMachine(host string) bool {
	name := hostName(host)
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.IsLoopback() || s.cfg.allowsHost(host)
	}
	return name == "localhost" || len(s.cfg.AllowedHosts) > 0 && s.cfg.allowsHost(host)
}

func fromThisMachine(c *fiber.Ctx) bool {
	for _, name := range forwarded {
		if len(c.Request().Header.Peek(name)) > 0 {
			return false
		}
	}
	peer, ok := c.Context().RemoteAddr().(*net.TCPAddr)
	return ok && peer.IP.IsLoopback()
}
