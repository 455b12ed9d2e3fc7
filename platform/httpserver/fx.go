package httpserver

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"healthcare/platform/telemetry"
)

// Module provides the server of every API in the graph.
var Module = fx.Module("httpserver", fx.Provide(
	newTelemetry, fx.Annotate(New, fx.ParamTags(``, ``, ``, ``, ``, ``, ``, ``, `group:"apis"`)),
))

func newTelemetry(
	registry *prometheus.Registry, scraped *telemetry.MetricsServer, tracing *telemetry.Tracing,
) Telemetry {
	return Telemetry{Registry: registry, Elsewhere: scraped.Enabled(), Tracing: tracing}
}

// Handle adds the rest.API that constructor returns to the graph.
func Handle(constructor any) fx.Option {
	return fx.Provide(fx.Annotated{Group: "apis", Target: constructor})
}

// Parts are the server and its optional parts.
type Parts struct {
	fx.In

	Server   *Server
	Replicas Replicas `optional:"true"`
	Jobs     Jobs     `optional:"true"`
}

// Serve listens while the program runs.
func Serve(lc fx.Lifecycle, parts Parts) {
	s := parts.Server
	s.replicas, s.jobs = parts.Replicas, parts.Jobs
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error { return s.Listen() },
		OnStop:  s.Shutdown,
	})
}
