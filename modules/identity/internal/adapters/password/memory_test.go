package password

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkPeakMemory measures how much the process grows during a flood of sign-ins, with one hash at a time
// and the default parameters. Each hash leaves 19 MiB to the garbage collector; GOGC decides when it is collected.
func BenchmarkPeakMemory(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	for _, gogc := range []int{100, 50, 25} {
		b.Run(fmt.Sprintf("GOGC=%d", gogc), func(b *testing.B) {
			defer debug.SetGCPercent(debug.SetGCPercent(gogc))
			cfg := defaults()
			cfg.Slots, cfg.Queue, cfg.Wait = 1, 64, time.Minute
			passwords := open(b, cfg)
			debug.FreeOSMemory()
			// Resets the peak (proc(5)).
			require.NoError(b, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
			before := kibibytes(b, "VmRSS")
			b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
			b.RunParallel(func(each *testing.PB) {
				for each.Next() {
					if _, _, err := passwords.Verify(b.Context(), anonymous, "secret", "", uncounted); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(kibibytes(b, "VmHWM")-before)/1024, "peak-MiB")
		})
	}
}

// kibibytes returns a value of /proc/self/status.
func kibibytes(b *testing.B, name string) (n int) {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(b, err)
	_, rest, found := strings.Cut(string(status), name+":")
	require.True(b, found)
	_, err = fmt.Sscan(rest, &n)
	require.NoError(b, err)
	return n
}

// defaults returns the default configuration: 19 MiB, 2 passes, 1 lane.
func defaults() Config {
	return Config{Memory: 19456, Iterations: 2, Parallelism: 1, Slots: 0, Queue: 16, Wait: time.Second}
}
