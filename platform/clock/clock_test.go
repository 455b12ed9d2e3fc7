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
