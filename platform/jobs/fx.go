package jobs

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"healthcare/platform/telemetry"
)

// Module provides the Queue, and the Runner with all handlers of the graph.
var Module = fx.Module("jobs",
	fx.Provide(NewQueue, fx.Annotate(NewRunner, fx.ParamTags(`group:"job_handlers"`))),
	telemetry.Collect(func(r *Runner) []prometheus.Collector {
		return []prometheus.Collector{r.rows, r.failures, r.waiting}
	}),
)

// Handle adds the Handler that constructor returns to the graph.
func Handle(constructor any) fx.Option {
	return fx.Provide(fx.Annotated{Group: "job_handlers", Target: constructor})
}

// Run processes jobs while the program serves.
func Run(lc fx.Lifecycle, r *Runner) {
	stop, stopped := context.WithCancel(context.Background())
	work, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error {
			go func() { defer close(done); r.Run(stop, work) }()
			return nil
		},
		OnStop: func(ctx context.Context) error {
			stopped()
			defer cancel()
			select {
			case <-done:
			case <-ctx.Done():
				cancel() // rolls back the batch
				<-done
			}
			return nil
		},
	})
}
