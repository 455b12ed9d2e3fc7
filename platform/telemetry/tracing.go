package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"healthcare/platform/errs"
)

// Tracing starts spans. A nil *Tracing disables tracing. Callers check Enabled first, so that disabled tracing costs
// nothing.
type Tracing struct {
	tracer trace.Tracer
	flush  func(context.Context) error
}

// TracingWith returns a Tracing that starts spans of provider.
func TracingWith(provider trace.TracerProvider) *Tracing {
	return &Tracing{tracer: provider.Tracer("healthcare"), flush: func(context.Context) error { return nil }}
}

// Enabled reports whether spans are exported.
func (t *Tracing) Enabled() bool { return t != nil }

// StartServer starts the span of a request. traceparent is the header that names its parent (W3C Trace Context, level
// 1); a malformed value is ignored. tracestate and baggage are ignored, because clients choose their text, which every
// span would export.
func (t *Tracing) StartServer(
	ctx context.Context, traceparent, name string, attributes ...attribute.KeyValue,
) (context.Context, trace.Span) {
	if traceparent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
	}
	return t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
}

// StartChild starts a child of the span in ctx. Outside of a sampled request it returns ctx and a nil span, so that
// background work is not traced.
func (t *Tracing) StartChild(
	ctx context.Context, kind trace.SpanKind, name string, attributes ...attribute.KeyValue,
) (context.Context, trace.Span) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, nil
	}
	return t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
}

// RecordError marks a span as failed, with the code of err. It omits the text of err, which may quote personal data.
func RecordError(span trace.Span, err error) {
	code := "internal_error"
	if e, ok := errors.AsType[*errs.Error](err); ok {
		code = e.Code
	}
	span.SetStatus(codes.Error, "")
	span.SetAttributes(attribute.String("error.type", code))
}

// TraceID returns the id of the trace in ctx, or "".
func TraceID(ctx context.Context) string {
	if trace := trace.SpanContextFromContext(ctx).TraceID(); trace.IsValid() {
		return trace.String()
	}
	return ""
}

// flushTimeout limits the export of the last spans when the program ends.
const flushTimeout = time.Second

// Shutdown exports the remaining spans, for at most one second. Spans that are not exported by then are lost. Errors:
// none.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if !t.Enabled() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	_ = t.flush(ctx) // the exporter has logged its error
	return nil
}
