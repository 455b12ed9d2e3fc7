package app_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/app"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestTally(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		require.NoError(t, h.Record(t.Context(), newStaff(), reading(), reading()))
		require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
			return h.Record(ctx, newStaff(), reading())
		}))
		require.Equal(t, app.Tally{Entries: 3, Groups: 2}, h.Tally())

		h.segments.beforeInsert(func(context.Context) error { return errors.New("down") })
		require.Error(t, h.Record(t.Context(), newStaff(), reading()))
		require.Equal(t, app.Tally{Entries: 3, Groups: 2, Failures: 1}, h.Tally())

		entered, release := make(chan struct{}, 100), make(chan struct{})
		h.segments.beforeInsert(func(context.Context) error { entered <- struct{}{}; <-release; return nil })
		var all sync.WaitGroup
		all.Go(func() { _ = h.Record(t.Context(), newStaff(), reading()) })
		<-entered
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, h.Record(canceled, newStaff(), readings(2047)...))
		require.Equal(t, 2047, h.Tally().Waiting)
		require.Error(t, h.Record(t.Context(), newStaff(), reading(), reading()), "two more entries exceed the limit")
		require.Equal(t, 2, h.Tally().Failures)
		close(release)
		all.Wait()
		all2051 := app.Tally{Entries: 3 + 1 + 2047, Groups: 4, Failures: 2}
		require.Eventually(t, func() bool { return h.Tally() == all2051 }, 30*time.Second, 5*time.Millisecond)
	})
}
