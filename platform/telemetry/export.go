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

// NewTracing returns a Tracing that exports spans by OTLP over HTTP, or nil if cfg disables it. The SDK reads the
// collector, the sampling and the service name from the OTEL_* variables. Spans wait in a bounded queue, so that a slow
// or missing collector loses spans but delays no request. Errors: an invalid configuration of the exporter.
func NewTracing(cfg Config, log *zap.Logger) (*Tracing, error) {
	if !cfg.Traces {
		return nil, nil //nolint:nilnil // nil is disabled tracing
	}
	errorLog := newLimitedLogger(log)
	otel.SetErrorHandler(errorLog) // the SDK reports errors only globally
	otel.SetLogger(logr.New(errorLog))

	ctx := context.Background() // New does not connect
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	attributes, err := resource.New(
		ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			attribute.String("service.name", "healthcare"), attribute.String("service.version", cfg.Version),
		),
		resource.WithFromEnv(),
	) // the last option overrides the others
	if err != nil {
		errorLog.Handle(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(attributes))
	t := TracingWith(provider)
	t.flush = provider.Shutdown
	return t, nil
}
