package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Module provides the registry of every collector in the graph, the metrics server and tracing. It needs a Config.
var Module = fx.Module("telemetry",
	fx.Provide(fx.Annotate(NewRegistry, fx.ParamTags(``, `group:"collectors"`)), metricsServer, tracing),
)

// Collect adds the collectors that constructor returns, a []prometheus.Collector, to the registry.
func Collect(constructor any) fx.Option {
	return fx.Provide(fx.Annotated{Group: "collectors,flatten", Target: constructor})
}

func metricsServer(lc fx.Lifecycle, cfg Config, registry *prometheus.Registry, log *zap.Logger) *MetricsServer {
	s := NewMetricsServer(cfg, registry, log)
	lc.Append(fx.Hook{OnStart: s.Listen, OnStop: s.Shutdown})
	return s
}

// tracing provides the Tracing. fx stops it after its users, so that it exports their spans.
func tracing(lc fx.Lifecycle, cfg Config, log *zap.Logger) (*Tracing, error) {
	t, err := NewTracing(cfg, log)
	if err == nil {
		lc.Append(fx.Hook{OnStop: func(ctx context.Context) error { return t.Shutdown(ctx) }})
	}
	return t, err
}
