package httpserver

import (
	"errors"
	"runtime/debug"
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

// record sets the headers of every response, runs the rest of the chain, and then logs, measures and traces the
// request. It responds to errors with problems. It identifies the request by its route pattern, never by the requested
// path.
func (s *Server) record(c *fiber.Ctx) error {
	started := time.Now()
	id := newRequestID()
	c.Locals(requestIDKey, id)
	setSecurityHeaders(c.Context(), id)
	s.meter.inFlight.Inc()
	defer s.meter.inFlight.Dec()
	span := s.startSpan(c)

	err := s.recoverPanics(c)
	if err != nil {
		_ = s.respondProblem(c, err) // never fails
	}
	op := unmatched
	if call := rest.CallOf(c); call != nil {
		op = call.Operation
	}
	endSpan(span, op, c.Method(), c.Response().StatusCode(), err)
	s.logRequest(c.Context(), requestRecord{id: id, method: c.Method(), op: op, started: started, err: err, span: span})
	return nil
}

// unmatched is the operation of requests that do not match a described operation.
var unmatched = &contract.Operation{Route: "unmatched"}

// requestRecord is the data of a request that is logged and measured.
type requestRecord struct {
	id, method string
	op         *contract.Operation
	started    time.Time
	err        error
	span       trace.Span // nil: the request is not traced
}

// logRequest measures a request after its response and writes its log line.
func (s *Server) logRequest(ctx *fasthttp.RequestCtx, r requestRecord) {
	status, elapsed := ctx.Response.StatusCode(), time.Since(r.started)
	s.meter.observe(r.op, r.method, status, elapsed)
	fields := []zap.Field{
		zap.String("request_id", r.id), zap.String("method", r.method), zap.String("route", r.op.Route),
		zap.Int("status", status), logging.Milliseconds("took_ms", elapsed),
		zap.Stringer("client", s.addresses.Client(ctx)),
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

// recoverPanics runs the rest of the chain. The value of a panic is not logged, because it may contain patient data.
func (s *Server) recoverPanics(c *fiber.Ctx) (err error) {
	defer func() {
		if recover() != nil {
			s.log.Error(
				"panic", zap.Any("request_id", c.Locals(requestIDKey)), zap.ByteString("stack", debug.Stack()),
			)
			err = errPanic
		}
	}()
	return c.Next()
}

// newRequestID returns the id of a request, which its response, its log line and its audit entries contain.
func newRequestID() string { return uuid.Must(uuid.NewV7()).String() }

// clientRequestID returns the X-Request-ID of the client, for the log only. It ignores values other than a single UUID
// or 32 hexadecimal digits, because they may be text that must not be logged.
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
