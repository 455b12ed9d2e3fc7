package events_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/platform/events"
)

type archive struct{ events.Publisher }

func newArchive(publisher events.Publisher) archive { return archive{publisher} }

func whenRemoved(a archive) events.Subscription {
	return events.On("archive", func(ctx context.Context, _ removed) error { return a.Publish(ctx, added{}) })
}

func TestCycleThroughASubscriptionNamesEveryConstructor(t *testing.T) {
	app := fx.New(fx.NopLogger, events.Module, fx.Provide(newArchive), events.Subscribe(whenRemoved))
	for _, constructor := range []string{
		`"healthcare/platform/events_test".whenRemoved`,
		`"healthcare/platform/events_test".newArchive`,
		`"healthcare/platform/events".newPublisher`,
	} {
		require.ErrorContains(t, app.Err(), constructor)
	}
}
