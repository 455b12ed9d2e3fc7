package harness

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ReadLatencies reads patients until the channel delivers, and returns the sorted latencies.
func ReadLatencies(b testing.TB, c *HTTPClient, until <-chan time.Time) (durations []time.Duration) {
	for {
		select {
		case <-until:
			slices.Sort(durations)
			require.NotEmpty(b, durations)
			return durations
		default:
			start := time.Now()
			status, _, err := c.Try("GET", "/api/patients/", nil)
			require.NoError(b, err)
			require.Equal(b, 200, status)
			durations = append(durations, time.Since(start))
		}
	}
}

// P99Milliseconds returns the 99th percentile, in milliseconds.
func P99Milliseconds(sorted []time.Duration) float64 {
	return float64(sorted[len(sorted)*99/100].Microseconds()) / 1000
}

// ProcessMemory reads a line of /proc/<pid>/status, in KiB.
func ProcessMemory(b testing.TB, pid int, line string) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	_, after, found := strings.Cut(string(status), line+":")
	require.True(b, found)
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(b, err)
	return kib
}
