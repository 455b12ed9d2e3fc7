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

// deaf is a ledger whose first answer never comes, as over a connection that is dead and does not say so.
type deaf struct {
	ports.Ledger
	asked int
}

func (d *deaf) Spans(ctx context.Context) ([]domain.Span, error) {
	if d.asked++; d.asked == 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return d.Ledger.Spans(ctx)
}

func TestKeeperOutlivesAStoreThatNeverAnswers(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	impatient := cfg
	impatient.CommitTimeout, impatient.CheckpointEvery = 100*time.Millisecond, 0
	h.record(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		app.NewKeeper(&deaf{Ledger: h.ledger}, keys, h.checkpoints, h.clock, impatient).Run(ctx)
	}()
	require.Eventually(t, func() bool { return h.checkpoints.count() == 1 }, 10*time.Second, 10*time.Millisecond)
	cancel()
	<-done
}

func TestKeeper(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	look := func(t *testing.T, want int) {
		t.Helper()
		require.NoError(t, h.Look(t.Context()))
		require.Equal(t, want, h.checkpoints.count())
	}
	t.Run("signs nothing while there is nothing", func(t *testing.T) { look(t, 0) })
	t.Run("signs after a minute what has come since", func(t *testing.T) {
		h.record(t, 1)
		look(t, 0)
		h.clock.Advance(time.Minute)
		look(t, 1)
		h.clock.Advance(time.Hour)
		look(t, 1)
	})
	t.Run("signs at once after 1,000 entries", func(t *testing.T) {
		look(t, 1)
		require.NoError(t, h.Record(t.Context(), someone(), make1500()[:999]...))
		h.Keeper = h.anotherKeeper()
		require.NoError(t, h.Recall(t.Context()))
		h.clock.Advance(-time.Hour) // no time has passed
		look(t, 1)
		h.record(t, 1)
		look(t, 2)
	})
	t.Run("signs what is left when it ends, once", func(t *testing.T) {
		h.record(t, 1)
		require.NoError(t, h.Finish(t.Context()))
		require.NoError(t, h.Finish(t.Context()))
		look(t, 3)
		require.EqualValues(t, 1002, h.verified(t))
	})
	t.Run("reports what goes wrong, and tries again", func(t *testing.T) {
		h.record(t, 1)
		h.clock.Advance(2 * time.Hour)
		h.checkpoints.refuse(context.DeadlineExceeded)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); h.anotherKeeper().Run(ctx) }()
		require.Eventually(t, func() bool {
			h.checkpoints.mu.Lock()
			defer h.checkpoints.mu.Unlock()
			return len(h.checkpoints.reported) > 0
		}, 10*time.Second, 20*time.Millisecond)
		h.checkpoints.refuse(nil)
		require.Eventually(t, func() bool { return h.checkpoints.count() == 4 }, 10*time.Second, 10*time.Millisecond)
		cancel()
		<-done
	})
}
