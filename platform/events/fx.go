package events

import (
	"go.uber.org/fx"

	"healthcare/platform/telemetry"
)

// Module provides the Publisher over every subscription of the graph.
var Module = fx.Module("events",
	fx.Provide(fx.Annotate(New, fx.ParamTags(`group:"subscriptions"`))), telemetry.Collect(collectors))

// Subscribe adds the Subscription that constructor returns to the graph.
func Subscribe(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(`group:"subscriptions"`)))
}
