// Package httpserver is the one door: the Fiber application and its middleware order, the merged contract, the strict reading of
// bodies, and the one file (problem.go) where an error meets an HTTP status. It knows no module.
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

// Config bounds what the server takes and how long it waits. Sizes are bytes.
type Config struct {
	Address          string // host:port; port 0 takes a free one
	AllowedHosts     []string
	CORSOrigins      []string // whose pages browsers may let call; none: no page but the server's own
	TrustedProxies   []netip.Prefix
	ForwardedHeader  string // in which trusted proxies name their clients: Forwarded, else X-Forwarded-For
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
	RequireIfMatch   bool           // PUT, PATCH and DELETE must say which version they change
	CursorKeys       keyring.Ring   // the newest seals cursors, all open them
	TimeZone         *time.Location // in which a filter's date without a time begins
	Django           bool           // serves clients of the original service: compat.go
	Version          string         // of the program, for the contract
}

// Readiness tells whether what the handlers stand on can serve. Errors: why not.
type Readiness func(ctx context.Context) error

// Server answers HTTP.
type Server struct {
	cfg           Config
	log           *zap.Logger
	authenticator auth.Authenticator
	ready         Readiness
	repeater      Repeater
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
	reads         *fiber.App // what repetitions are answered by
	address       string
	listener      *transport.Listener
	stopped       chan error
	draining      atomic.Bool
	refusedHosts  refusedHosts

	fullOfConnections transport.OnceAMinute
}

// New builds the server over every module's part of the contract. Errors: an operation that does not say who may call it or names a role that
// nobody declares, one that nobody handles, a handler that nobody described, or documents that contradict each other.
func New(
	cfg Config, log *zap.Logger, authenticator auth.Authenticator, roles auth.Roles, ready Readiness, repeater Repeater, trail audit.Recorder,
	watched Telemetry, apis ...rest.API,
) (*Server, error) {
	cursors, err := rest.NewCursors(cfg.CursorKeys)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: log, authenticator: authenticator, ready: ready, repeater: repeater, trail: trail}
	s.shares = newShares(cfg)
	s.settings = rest.Settings{
		Cursors: cursors, LinkLimit: linkLimit(cfg), RequireIfMatch: cfg.RequireIfMatch, Django: cfg.Django,
	}
	s.addresses = transport.Addresses{Trusted: cfg.TrustedProxies, Header: cfg.ForwardedHeader, Log: log}
	s.bodies = transport.Bodies{Limit: cfg.BodyLimit, Memory: s.shares.memory, Addresses: &s.addresses}
	s.telemetry, s.meter, s.reads = watched, newMeter(), newReads()
	watched.Registry.MustRegister(s.meter.collectors()...)
	documents := make([][]byte, len(apis))
	for i, api := range apis {
		documents[i] = api.Document
	}
	s.contract, err = contract.New(cfg.Version, roles, documents...)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	s.document = sync.OnceValues(func() (*publication, error) {
		return publish(fiber.MIMEApplicationJSON, s.contract.Document)
	})
	for _, op := range s.contract.Operations {
		s.meter.measure(op)
	}
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
		// transport.Listener answers first, with all headers; those that it closes end soon
		Concurrency: 2*cfg.Connections + transport.Overload,
		// Fiber itself believes no X-Forwarded-*; transport.Addresses does
		EnableTrustedProxyCheck: true,
		JSONEncoder:             rest.EncodeJSON,
		ErrorHandler:            s.refuse,
	})
	s.app.Use(s.record, s.limit)
	if len(cfg.CORSOrigins) > 0 {
		s.app.Use(crossOrigin(cfg.CORSOrigins))
	}
	router := &describedRouter{Router: s.app, server: s}
	for _, api := range append(apis, s.operations()) {
		api.Register(router)
	}
	if err := router.complete(); err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	s.app.Use(s.unrouted)
	handler := s.app.Handler()
	server := s.app.Server()
	server.Handler = s.understood(handler)
	server.ErrorHandler = s.refuseUnread
	server.StreamRequestBody, server.HeaderReceived = true, s.bodies.HeaderReceived // the body is read by Receive
	server.ConnState = transport.ConnState
	server.ExpectHandler = s.expectations
	server.DisablePreParseMultipartForm = true // forms are refused, or read by readForm within its own bounds
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
	if s.fullOfConnections.Allow(time.Now()) {
		s.log.Warn("as many connections are open as http_connections allows: those that wait longest for a request are closed")
	}
}

// linkLimit returns how long the address of a page may be, so that a request with it is accepted: half of what is
// accepted is for its headers.
func linkLimit(cfg Config) int { return min(cfg.URLLimit, cfg.HeaderLimit/2) }

// Stopped brings why the server serves no more; before Shutdown that is a failure, and the end of the program.
func (s *Server) Stopped() <-chan error { return s.stopped }

// Address is where the server listens, with the port it was given when the configuration said 0.
func (s *Server) Address() string { return s.address }

// farewell is how long a connection that is kept open may bring one more request after the listener is closed. Its answer says that it is the
// last; without it, whoever sends while an idle connection is closed would get no answer.
const farewell = 500 * time.Millisecond

// Shutdown stops the server without failing a request in flight: not ready first, and each answer the last of its connection; then no new
// connections; then it waits for answers to leave until ctx or the shutdown timeout ends. Errors: requests that did not finish in time.
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
		// fasthttp's own count is one too few once nobody listens.
		for end := time.Now().Add(farewell); s.listener.Count() > 0 && time.Now().Before(end) && ctx.Err() == nil; {
			time.Sleep(farewell / 50)
		}
	}
	return s.app.ShutdownWithContext(ctx)
}
