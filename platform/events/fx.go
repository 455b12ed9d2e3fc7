package events

import (
	"go.uber.org/fx"

	"healthcare/platform/telemetry"
)

// Module provides the Publisher with all subscriptions of the graph.
var Module = fx.Module("events", fx.Provide(newPublisher), telemetry.Collect(collectors))

type subscriptions struct {
	fx.In

	All []Subscription `group:"subscriptions"`
}

func newPublisher(subscribed subscriptions) Publisher { return New(subscribed.All...) }

// Subscribe adds the Subscription that constructor returns to the graph. The error about a cycle names constructor,
// which fx.Annotate would hide.
func Subscribe(constructor any) fx.Option {
	return fx.Provide(fx.Annotated{Group: "subscriptions", Target: constructor})
}
