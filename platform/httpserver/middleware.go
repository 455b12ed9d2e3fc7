package httpserver

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"healthcare/platform/contract"
	"healthcare/platform/logging"
	"healthcare/platform/rest"
)

// record is the outermost middleware: request id, security headers, recovery from panics, one log line per request, its measurements and its
// span. An error ends here, as a problem; everything names the route's pattern, never the path that was typed.
func (s *Server) record(c *fiber.Ctx) error {
	started := time.Now()
	id := newRequestID()
	c.Locals(requestIDKey, id)
	harden(c.Context(), id)
	s.meter.inFlight.Inc()
	defer s.meter.inFlight.Dec()
	span := s.traceRequest(c)

	err := s.recovered(c)
	if err != nil {
		_ = s.refuse(c, err) // it has answered
	}
	op := unmatched
	if call := rest.CallOf(c); call != nil {
		op = call.Operation
	}
	endRequest(span, op, c.Method(), c.Response().StatusCode(), err)
	s.answered(c.Context(), request{id: id, method: c.Method(), op: op, started: started, err: err, span: span})
	return nil
}

// unmatched stands for the operation of a request that reached none.
var unmatched = &contract.Operation{Route: "unmatched"}

// request is what is told of one that was answered.
type request struct {
	id, method string
	op         *contract.Operation
	started    time.Time
	err        error
	span       trace.Span // nil where it has none
}

// answered measures an answered request, and writes the one line that it has.
func (s *Server) answered(ctx *fasthttp.RequestCtx, r request) {
	status, took := ctx.Response.StatusCode(), time.Since(r.started)
	s.meter.of(r.op, r.method).observe(status, took)
	fields := []zap.Field{
		zap.String("request_id", r.id), zap.String("method", r.method), zap.String("route", r.op.Route), zap.Int("status", status),
		logging.Milliseconds("took_ms", took), zap.Stringer("client", s.addresses.Client(ctx)),
	}
	if id := clientRequestID(ctx); id != "" {
		fields = append(fields, zap.String("client_request_id", id))
	}
	if r.span != nil {
		fields = append(fields, zap.Stringer("trace_id", r.span.SpanContext().TraceID()))
	}
	if status < fiber.StatusInternalServerError {
		s.log.Info("request", fields...)
		return
	}
	s.log.Error("request", append(fields, zap.Error(r.err))...)
}

var errPanic = errors.New("a handler panicked")

// recovered runs the rest of the chain. What was panicked with is not logged: it may be anything, a patient included.
func (s *Server) recovered(c *fiber.Ctx) (err error) {
	defer func() {
		if recover() != nil {
			s.log.Error("panic", zap.Any("request_id", c.Locals(requestIDKey)), zap.ByteString("stack", debug.Stack()))
			err = errPanic
		}
	}()
	return c.Next()
}

// limit refuses what no route would take, and gives the rest a deadline. The deadline's context is not Fiber's own, which ends the moment a
// shutdown starts.
func (s *Server) limit(c *fiber.Ctx) error {
	if len(c.Request().RequestURI()) > s.cfg.URLLimit {
		return refusalTooLong
	}
	if encoding := c.Get(fiber.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return refusalMediaType
	}
	if !s.servesHost(c) {
		s.refusedHosts.report(s.log, string(c.Request().Host()))
		return refusalMisdirected
	}
	base := context.Background()
	if s.telemetry.Tracing.On() {
		base = c.UserContext() // holds the request's span
	}
	ctx, cancel := context.WithTimeout(base, s.cfg.HandlerTimeout)
	defer cancel()
	c.SetUserContext(ctx)
	return c.Next()
}

// clientRequestID returns the X-Request-ID that the client sent, for the log only. Anything but one UUID or 32
// hexadecimal digits is ignored: it may be a text that nobody should read.
func clientRequestID(ctx *fasthttp.RequestCtx) string {
	sent := ctx.Request.Header.PeekAll(fiber.HeaderXRequestID)
	if len(sent) != 1 || len(sent[0]) != 32 && len(sent[0]) != 36 {
		return ""
	}
	if _, err := uuid.ParseBytes(sent[0]); err != nil {
		return ""
	}
	return string(sent[0])
}

// newRequestID returns the id of one request: of its answer, of its line in the log and of its entries in the audit
// trail.
func newRequestID() string { return uuid.Must(uuid.NewV7()).String() }

// harden sets the headers that every answer carries.
func harden(ctx *fasthttp.RequestCtx, requestID string) {
	h := &ctx.Response.Header
	h.Set(fiber.HeaderXRequestID, requestID)
	for name, value := range securityHeaders {
		h.Set(name, value)
	}
}

// securityHeaders suit an API: nothing is stored, framed, sniffed or run.
var securityHeaders = map[string]string{
	fiber.HeaderCacheControl:          "no-store",
	fiber.HeaderContentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
	fiber.HeaderXContentTypeOptions:   "nosniff",
	fiber.HeaderXFrameOptions:         "DENY",
	fiber.HeaderReferrerPolicy:        "no-referrer",
	"Cross-Origin-Resource-Policy":    "same-origin",
}
