package clock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/clock"
)

func TestOffset(t *testing.T) {
	t.Parallel()
	t.Run("of the system's clock is almost zero as long as nobody sets it", func(t *testing.T) {
		system := clock.New()
		time.Sleep(10 * time.Millisecond)
		require.Less(t, system.Offset().Abs(), 5*time.Millisecond)
	})
	t.Run("of a manual clock is how far it was set, not how far it advanced", func(t *testing.T) {
		start := time.Date(2026, time.November, 29, 0, 0, 0, 0, time.UTC)
		manual := clock.At(start)
		manual.Advance(time.Hour)
		require.Zero(t, manual.Offset())
		manual.Set(-2 * time.Hour)
		require.Equal(t, -2*time.Hour, manual.Offset())
		require.Equal(t, start.Add(-time.Hour), manual.Now())
	})
}

func TestSteady(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, time.November, 29, 0, 0, 0, 0, time.UTC)
	manual := clock.At(start)
	requireAhead := func(ahead time.Duration) {
		t.Helper()
		require.Equal(t, ahead, manual.Now().Sub(manual.Steady()))
	}
	manual.Advance(48 * time.Hour)
	requireAhead(0)
	manual.Set(time.Minute)
	requireAhead(0)

	manual.Set(time.Hour) // by mistake
	requireAhead(time.Hour)
	manual.Advance(23 * time.Hour)
	requireAhead(time.Hour)
	manual.Set(-time.Hour)
	requireAhead(0)

	manual.Set(-time.Hour) // steps backward are believed at once
	requireAhead(0)
	manual.Set(2 * time.Hour)
	manual.Set(365 * 24 * time.Hour)
	requireAhead(365*24*time.Hour + 2*time.Hour)
	manual.Advance(24 * time.Hour) // it is right
	requireAhead(0)
	require.WithinDuration(t, time.Now(), clock.New().Steady(), time.Second)
}
