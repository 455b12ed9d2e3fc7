package events_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/events"
)

type (
	removed struct{ Name string }
	added   struct{ Name string }
)

func TestPublish(t *testing.T) {
	received := map[string][]any{}
	subscribe := func(name string) events.Subscription {
		return events.On(name, func(_ context.Context, e removed) error {
			received[name] = append(received[name], e)
			return nil
		})
	}
	publisher := events.New(
		subscribe("one"), subscribe("other"), events.On("third", func(_ context.Context, e added) error {
			received["third"] = append(received["third"], e)
			return nil
		}))
	ctx := t.Context()

	t.Run("calls every subscriber to the event's type, and no other", func(t *testing.T) {
		clear(received)
		require.NoError(t, publisher.Publish(ctx, removed{"A"}))
		require.Equal(t, map[string][]any{"one": {removed{"A"}}, "other": {removed{"A"}}}, received)
	})
	t.Run("distinguishes types with the same fields, and a pointer from its value", func(t *testing.T) {
		clear(received)
		require.NoError(t, publisher.Publish(ctx, added{"B"}))
		require.NoError(t, publisher.Publish(ctx, &added{"C"}))
		require.Equal(t, map[string][]any{"third": {added{"B"}}}, received)
	})
	t.Run("accepts an event without subscribers", func(t *testing.T) {
		require.NoError(t, publisher.Publish(ctx, "no subscriber"))
		require.NoError(t, publisher.Publish(ctx, nil))
		require.NoError(t, events.New().Publish(ctx, removed{}))
	})
}

func TestSubscribers(t *testing.T) {
	t.Run("run before Publish returns, with its context and so in its transaction", func(t *testing.T) {
		type key struct{}
		var seen any
		publisher := events.New(events.On("one", func(ctx context.Context, _ removed) error {
			seen = ctx.Value(key{})
			return nil
		}))
		require.NoError(t, publisher.Publish(context.WithValue(t.Context(), key{}, "the transaction"), removed{}))
		require.Equal(t, "the transaction", seen)
	})
	t.Run("end the publication with their name and error", func(t *testing.T) {
		broken, calls := errors.New("broken"), 0
		fail := func(context.Context, removed) error {
			calls++
			return broken
		}
		publisher := events.New(events.On("assignments", fail), events.On("others", fail))
		err := publisher.Publish(t.Context(), removed{"canary"})
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "assignments reacts to events_test.removed")
		require.NotContains(t, err.Error(), "canary", "the error is logged, so it must not quote the event")
		require.Equal(t, 1, calls, "no subscriber runs after the first error")
	})
}
