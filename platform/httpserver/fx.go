package httpserver

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"healthcare/platform/telemetry"
)

// Module provides the server over every API of the graph; whoever invokes *Server starts it.
var Module = fx.Module("httpserver", fx.Provide(watched, fx.Annotate(New, fx.ParamTags(``, ``, ``, ``, ``, ``, ``, ``, `group:"apis"`))))

func watched(registry *prometheus.Registry, scraped *telemetry.Scraped, tracing *telemetry.Tracing) Telemetry {
	return Telemetry{Registry: registry, Elsewhere: scraped.On(), Tracing: tracing}
}

// Handle adds the rest.API that constructor returns to the graph.
func Handle(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(`group:"apis"`)))
}

// Served is what Serve serves: the server, and replicas and jobs where there are any.
type Served struct {
	fx.In

	Server   *Server
	Replicas Replicas `optional:"true"`
	Jobs     Jobs     `optional:"true"`
}

// Serve listens while the program runs. It is the one fx.Invoke of the program.
func Serve(lc fx.Lifecycle, what Served) {
	s := what.Server
	s.replicas, s.jobs = what.Replicas, what.Jobs
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error { return s.Listen() },
		OnStop:  s.Shutdown,
	})
}
