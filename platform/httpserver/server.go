// Package httpserver is the HTTP server: the Fiber application, the steps of a request in their order (chain.go) and
// the mapping of errors to HTTP statuses (problem.go). It is independent of the modules.
package httpserver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.uber.org/zap"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/contract"
	"healthcare/platform/httpserver/transport"
	"healthcare/platform/keyring"
	"healthcare/platform/rest"
)

// Config holds the limits of the server. Sizes are in bytes.
type Config struct {
	Address          string // host:port; port 0 selects a free port
	AllowedHosts     []string
	CORSOrigins      []string // origins whose pages may read responses; empty: only the server's own pages
	TrustedProxies   []netip.Prefix
	ForwardedHeader  string // header that names the client: transport.Forwarded, otherwise X-Forwarded-For
	BodyLimit        int
	HeaderLimit      int
	URLLimit         int
	Connections      int
	ReadTimeout      time.Duration
	WriteTimeout     time.Duration
	IdleTimeout      time.Duration
	HandlerTimeout   time.Duration
	ShutdownDelay    time.Duration
	ShutdownTimeout  time.Duration
	StoreConnections int            // number of connections to the store
	RecordedPerHour  int            // number of requests per user or network that the audit trail records; 0: unlimited
	RequireIfMatch   bool           // changes must name the version that they change
	CursorKeys       keyring.Ring   // the newest key encrypts cursors, all decrypt them
	TimeZone         *time.Location // of dates without a time in filters
	Django           bool           // serves clients of the original service: django.go
}

// Readiness checks the resources of the handlers. Errors: the reason for which requests cannot be served.
type Readiness func(ctx context.Context) error

// Server serves the APIs of the modules and the platform's own.
type Server struct {
	cfg           Config
	log           *zap.Logger
	authenticator auth.Authenticator
	ready         Readiness
	deduplicator  Deduplicator
	trail         audit.Recorder
	telemetry     Telemetry
	meter         *meter
	replicas      Replicas // nil: none
	jobs          Jobs     // nil: none
	shares        shares
	contract      *contract.Contract
	document      func() (*publication, error) // of the contract
	settings      rest.Settings
	addresses     transport.Addresses
	bodies        transport.Bodies
	app           *fiber.App
	reads         *fiber.App // router of readBack
	address       string
	listener      *transport.Listener
	stopped       chan error
	draining      atomic.Bool

	hostWarnings       transport.OnceAMinute
	connectionWarnings transport.OnceAMinute
}

// New returns the server of the modules' APIs. Errors: an operation without a handler, or a handler without an
// operation.
func New(
	cfg Config, log *zap.Logger, authenticator auth.Authenticator, described *contract.Contract, ready Readiness,
	deduplicator Deduplicator, trail audit.Recorder, observed Telemetry, apis ...rest.API,
) (*Server, error) {
	cursors, err := rest.NewCursors(cfg.CursorKeys)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: log, authenticator: authenticator, contract: described, ready: ready, deduplicator: deduplicator,
		trail: trail,
	}
	s.shares = newShares(cfg)
	s.settings = rest.Settings{
		Cursors: cursors, LinkLimit: linkLimit(cfg), RequireIfMatch: cfg.RequireIfMatch, Django: cfg.Django,
	}
	s.addresses = transport.Addresses{Trusted: cfg.TrustedProxies, Header: cfg.ForwardedHeader, Log: log}
	s.bodies = transport.Bodies{Limit: cfg.BodyLimit, Memory: s.shares.memory, Addresses: &s.addresses}
	s.telemetry, s.meter, s.reads = observed, newMeter(), newReads()
	observed.Registry.MustRegister(s.meter.collectors()...)
	s.document = sync.OnceValues(func() (*publication, error) {
		return publish(fiber.MIMEApplicationJSON, s.contract.Document)
	})
	s.app = fiber.New(fiber.Config{
		CaseSensitive:         true,
		Immutable:             true, // values remain valid after the request
		DisableStartupMessage: true,
		DisableDefaultDate:    false,
		BodyLimit:             cfg.BodyLimit,
		ReadBufferSize:        cfg.HeaderLimit,
		ReadTimeout:           cfg.ReadTimeout,
		WriteTimeout:          cfg.WriteTimeout,
		IdleTimeout:           cfg.IdleTimeout,
		// transport.Listener rejects connections before fasthttp does, with all headers; fasthttp still counts
		// connections that it closes
		Concurrency: 2*cfg.Connections + transport.Overload,
		// Fiber itself ignores X-Forwarded-*; transport.Addresses reads them
		EnableTrustedProxyCheck: true,
		JSONEncoder:             rest.EncodeJSON,
		ErrorHandler:            s.respondProblem,
	})
	s.app.Use(s.middleware()...)
	router := &describedRouter{Router: s.app, server: s}
	router.reserve()
	for _, api := range append(apis, s.operations()) {
		api(router)
	}
	if err := router.complete(); err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	s.app.Use(serveUnrouted)
	handler := s.app.Handler()
	server := s.app.Server()
	server.Handler = s.serve(handler)
	server.ErrorHandler = s.rejectUnread
	server.StreamRequestBody, server.HeaderReceived = true, s.bodies.HeaderReceived // receiveBody reads the body
	server.ConnState = transport.ConnState
	server.ExpectHandler = s.expect
	server.DisablePreParseMultipartForm = true // forms are rejected, or read by readForm within its own limits
	server.SecureErrorLogMessage = true        // do not log requests that could not be read: they may contain a token
	return s, nil
}

// Listen listens on the address, so that the start fails if the port is in use, and serves in the background until
// Shutdown.
func (s *Server) Listen() error {
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.cfg.Address)
	if err != nil {
		return err
	}
	s.address = ln.Addr().String()
	s.listener = &transport.Listener{
		Listener: ln, Limit: s.cfg.Connections, Trusted: s.cfg.TrustedProxies, Full: s.warnOfFull, Busy: s.busyResponse,
	}
	s.stopped = make(chan error, 1)
	go func() { s.stopped <- s.app.Server().Serve(s.listener) }()
	return nil
}

func (s *Server) warnOfFull() {
	if s.connectionWarnings.Allow(time.Now()) {
		s.log.Warn(
			"as many connections are open as http_connections allows: those that wait longest for a request are closed",
		)
	}
}

// linkLimit returns the maximum length of the address of a page, so that the server accepts a request for it. It leaves
// half of the header limit to the other headers.
func linkLimit(cfg Config) int { return min(cfg.URLLimit, cfg.HeaderLimit/2) }

// Stopped returns the channel that receives the reason why the server stopped. Before Shutdown, the server stops only
// because of a failure, after which the program must end.
func (s *Server) Stopped() <-chan error { return s.stopped }

// Address returns the address on which the server listens, with the selected port if the configured port is 0.
func (s *Server) Address() string { return s.address }

// keepAliveGrace is how long an open connection may send one more request after the listener was closed. The response
// closes the connection. Otherwise a client that sends while its idle connection is being closed would receive no
// response.
const keepAliveGrace = 500 * time.Millisecond

// Shutdown stops the server without failing requests in flight. First, readiness fails and each response closes its
// connection. After the shutdown delay the server accepts no connections, and waits for responses until ctx or the
// shutdown timeout ends. Errors: requests did not finish in time.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	select {
	case <-time.After(s.cfg.ShutdownDelay):
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ShutdownTimeout)
	defer cancel()
	if s.listener != nil {
		_ = s.listener.Close()
		// fasthttp's count of connections is one too low after the listener is closed.
		end := time.Now().Add(keepAliveGrace)
		for s.listener.Count() > 0 && time.Now().Before(end) && ctx.Err() == nil {
			time.Sleep(keepAliveGrace / 50)
		}
	}
	return s.app.ShutdownWithContext(ctx)
}
