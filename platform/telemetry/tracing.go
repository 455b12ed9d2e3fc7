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

// Tracing begins spans. A nil *Tracing is tracing that is off: whoever holds one asks On before doing anything else, so that it costs nothing.
type Tracing struct {
	tracer trace.Tracer
	flush  func(context.Context) error
}

// TracingWith begins spans of that provider.
func TracingWith(provider trace.TracerProvider) *Tracing {
	return &Tracing{tracer: provider.Tracer("healthcare"), flush: func(context.Context) error { return nil }}
}

// Enabled says whether there is anybody to tell of spans.
func (t *Tracing) Enabled() bool { return t != nil }

// StartServer begins the span of a request. Its parent is the one that traceparent names (W3C Trace Context, level 1); a malformed one counts as
// none. tracestate and baggage are not read: they are text of the client's, and would be exported with every span.
func (t *Tracing) StartServer(ctx context.Context, traceparent, name string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	if traceparent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
	}
	return t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
}

// StartChild begins a span of kind inside the one that ctx holds. Outside of a sampled request it begins none, so that what the program does by
// itself makes no traces: the span is nil then, and ctx is returned as it was.
func (t *Tracing) StartChild(ctx context.Context, kind trace.SpanKind, name string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, nil
	}
	return t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
}

// RecordError marks a span with an error's code, which is one of a few words. Its text may quote what nobody should read, so it is not taken.
func RecordError(span trace.Span, err error) {
	code := "internal_error"
	if e, ok := errors.AsType[*errs.Error](err); ok {
		code = e.Code
	}
	span.SetStatus(codes.Error, "")
	span.SetAttributes(attribute.String("error.type", code))
}

// TraceID is the id of the trace that ctx is part of, "" when it is part of none.
func TraceID(ctx context.Context) string {
	if trace := trace.SpanContextFromContext(ctx).TraceID(); trace.IsValid() {
		return trace.String()
	}
	return ""
}

// flushTime bounds how long spans that were not exported yet may hold up the end of the program.
const flushTime = time.Second

// Shutdown exports what waits, for a second at most. Errors: none; what a collector does not take in that time is lost.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if !t.Enabled() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	_ = t.flush(ctx) // the exporter has told of its error
	return nil
}
