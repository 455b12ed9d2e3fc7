package httpserver

import (
	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"healthcare/platform/contract"
	"healthcare/platform/telemetry"
)

// Spans follow OpenTelemetry's semantic conventions for HTTP, without attributes that clients control: path, query,
// address and user agent.

// startSpan starts the span of a request, or returns nil if tracing is disabled. endSpan adds the route.
func (s *Server) startSpan(c *fiber.Ctx) trace.Span {
	if !s.telemetry.Tracing.Enabled() {
		return nil
	}
	method := attribute.String("http.request.method", c.Method())
	ctx, span := s.telemetry.Tracing.StartServer(c.UserContext(), c.Get("traceparent"), c.Method(), method)
	c.SetUserContext(ctx)
	return span
}

func endSpan(span trace.Span, op *contract.Operation, method string, status int, err error) {
	if span == nil {
		return
	}
	if span.IsRecording() {
		if op != unmatched {
			span.SetName(method + " " + op.Route)
			span.SetAttributes(attribute.String("http.route", op.Route))
		}
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= fiber.StatusInternalServerError { // in a server's span only these are errors
			telemetry.RecordError(span, err)
		}
	}
	span.End()
}

// traceHandler returns a handler that runs in a span named after its operation, which is the use case that it calls. It
// returns handler itself if tracing is disabled.
func (s *Server) traceHandler(op *contract.Operation, handler fiber.Handler) fiber.Handler {
	tracing := s.telemetry.Tracing
	if !tracing.Enabled() {
		return handler
	}
	return func(c *fiber.Ctx) error {
		outer := c.UserContext()
		ctx, span := tracing.StartChild(outer, trace.SpanKindInternal, op.ID)
		if span == nil {
			return handler(c)
		}
		defer span.End()
		c.SetUserContext(ctx)
		defer c.SetUserContext(outer)
		err := handler(c)
		if err != nil {
			telemetry.RecordError(span, err)
		}
		return err
	}
}
