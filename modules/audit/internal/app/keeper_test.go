package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/app"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/databasetest"
)

// hangingSegments does not respond to the first call of Chain, like a dead connection.
type hangingSegments struct {
	ports.Segments
	calls int
}

func (d *hangingSegments) Chain(ctx context.Context) (ports.Chain, error) {
	if d.calls++; d.calls == 1 {
		<-ctx.Done()
		return ports.Chain{}, ctx.Err()
	}
	return d.Segments.Chain(ctx)
}

func TestKeeperRetriesAfterATimeout(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	shortTimeout := cfg
	shortTimeout.CommitTimeout, shortTimeout.CheckpointEvery = 100*time.Millisecond, 0
	h.record(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		hanging := &hangingSegments{Segments: h.segments}
		sealing := app.NewSealing(hanging, keys, h.checkpoints, h.clock, shortTimeout)
		app.NewKeeper(hanging, sealing, h.ledger, keys, h.checkpoints, h.clock, shortTimeout).Run(ctx)
	}()
	require.Eventually(t, func() bool { return h.checkpoints.count() == 1 }, 10*time.Second, 10*time.Millisecond)
	cancel()
	<-done
}

func TestKeeper(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	tick := func(t *testing.T, checkpoints int, unsealed int64) {
		t.Helper()
		require.NoError(t, h.Tick(t.Context()))
		require.Equal(t, checkpoints, h.checkpoints.count())
		require.Equal(t, unsealed, h.unsealed(t))
	}
	t.Run("signs no checkpoint of an empty trail", func(t *testing.T) { tick(t, 0, 0) })
	t.Run("seals and signs after 30 seconds", func(t *testing.T) {
		h.record(t, 1)
		tick(t, 0, 1)
		h.clock.Advance(29 * time.Second)
		tick(t, 0, 1)
		h.clock.Advance(time.Second)
		tick(t, 1, 0)
		h.clock.Advance(15 * time.Second)
		h.record(t, 1)
		require.NoError(t, h.sealing.Flush(t.Context()))
		tick(t, 1, 0)
		h.clock.Advance(15 * time.Second)
		tick(t, 2, 0)
		h.clock.Advance(closeAfter)
		tick(t, 3, 0) // a segment closes the chains of entries
		h.clock.Advance(time.Hour)
		tick(t, 3, 0)
	})
	t.Run("seals and signs at once after 1,000 entries", func(t *testing.T) {
		require.NoError(t, h.Record(t.Context(), newStaff(), readings(999)...))
		tick(t, 3, 999)
		h.record(t, 1)
		tick(t, 4, 0)
		require.NoError(t, h.Record(t.Context(), newStaff(), readings(999)...))
		h = h.restarted()
		require.NoError(t, h.Resume(t.Context()))
		tick(t, 4, 0) // the first tick seals what an earlier process left
		h.record(t, 1)
		require.NoError(t, h.sealing.Flush(t.Context()))
		tick(t, 5, 0)
	})
	t.Run("does not wait for a clock that went back", func(t *testing.T) {
		h.record(t, 1)
		tick(t, 5, 1)
		h.clock.Advance(-time.Hour)
		require.NoError(t, h.Tick(t.Context()))
		require.ErrorContains(t, errors.Join(h.checkpoints.reported...), "a clock jumped")
		require.EqualValues(t, 1, h.sealing.Tally().Jumps)
		require.Zero(t, h.unsealed(t))
		require.Equal(t, 6, h.checkpoints.count())
		h.clock.Advance(time.Hour)
	})
	t.Run("Finish signs the remaining entries once", func(t *testing.T) {
		h.record(t, 1)
		h.checkpoints.failWith(context.DeadlineExceeded)
		require.ErrorIs(t, h.Finish(t.Context()), context.DeadlineExceeded)
		require.Equal(t, 6, h.checkpoints.count())
		h.checkpoints.failWith(nil)
		require.NoError(t, h.Finish(t.Context()))
		require.NoError(t, h.Finish(t.Context()))
		tick(t, 7, 0)
		require.EqualValues(t, 2004, h.verified(t))
	})
	t.Run("reports an error and retries", func(t *testing.T) {
		h.record(t, 1)
		h.clock.Advance(2 * time.Hour)
		h.checkpoints.failWith(context.DeadlineExceeded)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		restarted := h.restarted()
		go func() { defer close(done); restarted.Run(ctx) }()
		require.Eventually(t, func() bool {
			h.checkpoints.mu.Lock()
			defer h.checkpoints.mu.Unlock()
			return len(h.checkpoints.reported) > 0 && restarted.sealing.Tally().Unwritten > 0
		}, 10*time.Second, 20*time.Millisecond)
		h.checkpoints.failWith(nil)
		require.Eventually(t, func() bool { return h.checkpoints.count() == 8 }, 10*time.Second, 10*time.Millisecond)
		cancel()
		<-done
	})
}
