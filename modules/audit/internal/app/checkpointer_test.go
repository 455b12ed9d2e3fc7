package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/app"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/databasetest"
)

// hangingLedger does not respond to the first call of Spans, like a dead connection.
type hangingLedger struct {
	ports.Ledger
	calls int
}

func (d *hangingLedger) Spans(ctx context.Context) ([]domain.Span, error) {
	if d.calls++; d.calls == 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return d.Ledger.Spans(ctx)
}

func TestCheckpointerRetriesAfterATimeout(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	shortTimeout := cfg
	shortTimeout.CommitTimeout, shortTimeout.CheckpointEvery = 100*time.Millisecond, 0
	h.record(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		app.NewCheckpointer(&hangingLedger{Ledger: h.ledger}, keys, h.checkpoints, h.clock, shortTimeout).Run(ctx)
	}()
	require.Eventually(t, func() bool { return h.checkpoints.count() == 1 }, 10*time.Second, 10*time.Millisecond)
	cancel()
	<-done
}

func TestCheckpointer(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	tick := func(t *testing.T, want int) {
		t.Helper()
		require.NoError(t, h.Tick(t.Context()))
		require.Equal(t, want, h.checkpoints.count())
	}
	t.Run("signs no checkpoint of an empty trail", func(t *testing.T) { tick(t, 0) })
	t.Run("signs new entries after a minute", func(t *testing.T) {
		h.record(t, 1)
		tick(t, 0)
		h.clock.Advance(time.Minute)
		tick(t, 1)
		h.clock.Advance(time.Hour)
		tick(t, 1)
	})
	t.Run("signs at once after 1,000 entries", func(t *testing.T) {
		tick(t, 1)
		require.NoError(t, h.Record(t.Context(), newStaff(), readings(1500)[:999]...))
		h.Checkpointer = h.newCheckpointer()
		require.NoError(t, h.Resume(t.Context()))
		h.clock.Advance(-time.Hour) // no time has passed
		tick(t, 1)
		h.record(t, 1)
		tick(t, 2)
	})
	t.Run("Finish signs the remaining entries once", func(t *testing.T) {
		h.record(t, 1)
		require.NoError(t, h.Finish(t.Context()))
		require.NoError(t, h.Finish(t.Context()))
		tick(t, 3)
		require.EqualValues(t, 1002, h.verified(t))
	})
	t.Run("reports an error and retries", func(t *testing.T) {
		h.record(t, 1)
		h.clock.Advance(2 * time.Hour)
		h.checkpoints.failWith(context.DeadlineExceeded)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); h.newCheckpointer().Run(ctx) }()
		require.Eventually(t, func() bool {
			h.checkpoints.mu.Lock()
			defer h.checkpoints.mu.Unlock()
			return len(h.checkpoints.reported) > 0
		}, 10*time.Second, 20*time.Millisecond)
		h.checkpoints.failWith(nil)
		require.Eventually(t, func() bool { return h.checkpoints.count() == 4 }, 10*time.Second, 10*time.Millisecond)
		cancel()
		<-done
	})
}
