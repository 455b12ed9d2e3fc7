// Package events lets a module publish events to which other modules react, in the same process and transaction. It is
// not a queue: a subscriber runs on the publisher's goroutine, before the publisher's use case commits.
package events

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Publisher publishes events.
type Publisher interface {
	// Publish calls every subscriber to the event's type with ctx, and thus in its transaction, in the order of the
	// subscribers' names, so that transactions at the same time lock rows in one order. Errors: the first subscriber's
	// error, which must roll back the transaction.
	Publish(ctx context.Context, event any) error
}

// Subscription is one module's reaction to one type of event. On returns it.
type Subscription struct {
	subscriber string
	event      reflect.Type
	react      func(ctx context.Context, event any) error
}

// On returns the subscription of subscriber (a module's name) to events of type E. Subscribers may use their own
// repository and the reading interfaces of other modules, but no Publisher.
func On[E any](subscriber string, react func(ctx context.Context, event E) error) Subscription {
	return Subscription{
		subscriber: subscriber,
		event:      reflect.TypeFor[E](),
		react:      func(ctx context.Context, event any) error { return react(ctx, event.(E)) },
	}
}

// New returns a Publisher with the given subscriptions.
func New(subscriptions ...Subscription) Publisher {
	b := &bus{subscribed: map[reflect.Type][]Subscription{}, published: newPublished(), failed: newFailures()}
	inOrder := slices.SortedStableFunc(slices.Values(subscriptions), func(x, y Subscription) int {
		return strings.Compare(x.subscriber, y.subscriber)
	})
	for _, s := range inOrder {
		b.subscribed[s.event] = append(b.subscribed[s.event], s)
		b.published.WithLabelValues(s.event.String())
		b.failed.WithLabelValues(s.event.String(), s.subscriber)
	}
	return b
}

type bus struct {
	subscribed map[reflect.Type][]Subscription
	published  *prometheus.CounterVec // by event
	failed     *prometheus.CounterVec // by event and subscriber
}

func (b *bus) Publish(ctx context.Context, event any) error {
	b.published.WithLabelValues(fmt.Sprintf("%T", event)).Inc()
	for _, s := range b.subscribed[reflect.TypeOf(event)] {
		if err := s.react(ctx, event); err != nil {
			b.failed.WithLabelValues(s.event.String(), s.subscriber).Inc()
			return fmt.Errorf("%s reacts to %T: %w", s.subscriber, event, err)
		}
	}
	return nil
}
