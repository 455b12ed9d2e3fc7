package telemetry

import (
	"context"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
)

// NewTracing exports spans by OTLP over HTTP. Where to, how many and under which name is what the SDK reads from the OTEL_* variables. Spans
// wait in a bounded queue, so a collector that is slow or away costs spans and never a request. Off it is nil.
// Errors: a collector that cannot be configured.
func NewTracing(cfg Config, log *zap.Logger) (*Tracing, error) {
	if !cfg.Traces {
		return nil, nil //nolint:nilnil // nil is tracing that is off
	}
	complaints := newSparing(log)
	otel.SetErrorHandler(complaints) // the SDK has no other place for them
	otel.SetLogger(logr.New(complaints))

	ctx := context.Background() // nothing is sent yet
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	whose, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "healthcare"), attribute.String("service.version", cfg.Version)),
		resource.WithFromEnv()) // the last one counts
	if err != nil {
		complaints.Handle(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(whose))
	t := TracingWith(provider)
	t.flush = provider.Shutdown
	return t, nil
}
