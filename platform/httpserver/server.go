// Package httpserver is the HTTP server: the Fiber application, the steps of a request in their order (chain.go) and
// the one file where an error gets an HTTP status (problem.go). It does not know the modules.
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
	Address          string // host:port; port 0 takes a free one
	AllowedHosts     []string
	CORSOrigins      []string // whose pages may send requests from browsers; none: only the server's own pages
	TrustedProxies   []netip.Prefix
	ForwardedHeader  string // in which trusted proxies name their clients: transport.Forwarded, else X-Forwarded-For
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
	StoreConnections int            // how many connections to the store there are
	RecordedPerHour  int            // how many requests of a user or network the audit trail records; 0: any number
	RequireIfMatch   bool           // PUT, PATCH and DELETE must name the version that they change
	CursorKeys       keyring.Ring   // the newest seals cursors, all open them
	TimeZone         *time.Location // in which a filter's date without a time begins
	Django           bool           // serves clients of the original service: django.go
}

// Readiness reports whether the handlers' resources can serve. Errors: the reason why not.
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
	reads         *fiber.App // for repeated requests
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
		Immutable:             true, // values of a request outlive it without surprises
		DisableStartupMessage: true,
		DisableDefaultDate:    false,
		BodyLimit:             cfg.BodyLimit,
		ReadBufferSize:        cfg.HeaderLimit,
		ReadTimeout:           cfg.ReadTimeout,
		WriteTimeout:          cfg.WriteTimeout,
		IdleTimeout:           cfg.IdleTimeout,
		// transport.Listener responds first, with all headers; the connections that it closes end soon
		Concurrency: 2*cfg.Connections + transport.Overload,
		// Fiber itself ignores X-Forwarded-*; transport.Addresses reads them
		EnableTrustedProxyCheck: true,
		JSONEncoder:             rest.EncodeJSON,
		ErrorHandler:            s.respondProblem,
	})
	s.app.Use(s.middleware()...)
	router := &describedRouter{Router: s.app, server: s}
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
	server.SecureErrorLogMessage = true        // never quote a request that could not be read: it may hold a token
	return s, nil
}

// Listen opens the address, so that a busy port is an error of the start, and serves in the background until Shutdown.
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

// linkLimit returns how long the address of a page may be, so that a request with it is accepted: half of what is
// accepted is for its headers.
func linkLimit(cfg Config) int { return min(cfg.URLLimit, cfg.HeaderLimit/2) }

// Stopped returns the channel that receives why the server stopped. Before Shutdown that is a failure, and the end of
// the program.
func (s *Server) Stopped() <-chan error { return s.stopped }

// Address returns the address on which the server listens, with the port that it got where the configuration has 0.
func (s *Server) Address() string { return s.address }

// keepAliveGrace is how long an open connection may bring one more request after the listener was closed. The response
// names itself the last one. Otherwise a client that sends while an idle connection is closed would get no response.
const keepAliveGrace = 500 * time.Millisecond

// Shutdown stops the server without failing a request in flight. First it is no longer ready and each response is the
// last of its connection. Then it accepts no connections. Then it waits for responses until ctx or the shutdown timeout
// ends. Errors: requests that did not finish in time.
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
		// fasthttp's own count is one too low once the listener is closed.
		end := time.Now().Add(keepAliveGrace)
		for s.listener.Count() > 0 && time.Now().Before(end) && ctx.Err() == nil {
			time.Sleep(keepAliveGrace / 50)
		}
	}
	return s.app.ShutdownWithContext(ctx)
}
