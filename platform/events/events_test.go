package events_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/events"
)

type (
	left    struct{ Name string }
	arrived struct{ Name string }
)

func TestPublish(t *testing.T) {
	heard := map[string][]any{}
	listen := func(name string) events.Subscription {
		return events.On(name, func(_ context.Context, e left) error {
			heard[name] = append(heard[name], e)
			return nil
		})
	}
	publisher := events.New(
		listen("one"), listen("other"), events.On("third", func(_ context.Context, e arrived) error {
			heard["third"] = append(heard["third"], e)
			return nil
		}))
	ctx := t.Context()

	t.Run("reaches every subscriber to the event's type, and nobody else", func(t *testing.T) {
		clear(heard)
		require.NoError(t, publisher.Publish(ctx, left{"A"}))
		require.Equal(t, map[string][]any{"one": {left{"A"}}, "other": {left{"A"}}}, heard)
	})
	t.Run("distinguishes types with the same fields, and a pointer from its value", func(t *testing.T) {
		clear(heard)
		require.NoError(t, publisher.Publish(ctx, arrived{"B"}))
		require.NoError(t, publisher.Publish(ctx, &arrived{"C"}))
		require.Equal(t, map[string][]any{"third": {arrived{"B"}}}, heard)
	})
	t.Run("of what nobody subscribed to is no error", func(t *testing.T) {
		require.NoError(t, publisher.Publish(ctx, "nobody cares"))
		require.NoError(t, publisher.Publish(ctx, nil))
		require.NoError(t, events.New().Publish(ctx, left{}))
	})
}

func TestSubscribers(t *testing.T) {
	t.Run("react before Publish returns, in its context, so in its transaction", func(t *testing.T) {
		type key struct{}
		var seen any
		publisher := events.New(events.On("one", func(ctx context.Context, _ left) error {
			seen = ctx.Value(key{})
			return nil
		}))
		require.NoError(t, publisher.Publish(context.WithValue(t.Context(), key{}, "the transaction"), left{}))
		require.Equal(t, "the transaction", seen)
	})
	t.Run("that fail end the publication with their error and their name", func(t *testing.T) {
		broken, calls := errors.New("broken"), 0
		fail := func(context.Context, left) error {
			calls++
			return broken
		}
		publisher := events.New(events.On("assignments", fail), events.On("others", fail))
		err := publisher.Publish(t.Context(), left{"canary"})
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "assignments reacts to events_test.left")
		require.NotContains(t, err.Error(), "canary", "an error is logged: it does not quote the event")
		require.Equal(t, 1, calls, "the first error is enough: everything will be undone")
	})
}
