package events

import (
	"context"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

type moved struct{ Patient string }

func TestMetrics(t *testing.T) {
	var failure error
	publisher := New(On("assignments", func(context.Context, moved) error { return failure }))
	b := publisher.(*bus)
	require.Zero(t, testutil.ToFloat64(b.published.WithLabelValues("events.moved")))
	require.NoError(t, publisher.Publish(t.Context(), moved{"canary"}))
	failure = errors.New("canary")
	require.Error(t, publisher.Publish(t.Context(), moved{"canary"}))
	require.InDelta(t, 2, testutil.ToFloat64(b.published.WithLabelValues("events.moved")), 0)
	require.InDelta(t, 1, testutil.ToFloat64(b.failed.WithLabelValues("events.moved", "assignments")), 0)
	require.Equal(t, 1, testutil.CollectAndCount(b.published), "one series for each type")
	require.Len(t, collectors(publisher), 2)
	require.Empty(t, collectors(nil))
}
