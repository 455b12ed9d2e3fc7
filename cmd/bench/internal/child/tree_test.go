package child

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTreeStatsIncludesDescendants(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system has no /proc")
	}
	before, err := TreeStats(os.Getpid())
	require.NoError(t, err)
	require.Positive(t, before.Resident)
	// A shell with a child that computes until it is killed, and whose process id it prints.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done & echo $!; wait")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.WaitDelay = time.Second
	require.NoError(t, cmd.Start())
	var busyChild int
	_, err = fmt.Fscanln(out, &busyChild)
	require.NoError(t, err)
	t.Cleanup(func() { // the end of the shell does not end its child
		p, err := os.FindProcess(busyChild)
		require.NoError(t, err)
		require.NoError(t, p.Kill())
	})
	busy := func() time.Duration { s, err := TreeStats(cmd.Process.Pid); require.NoError(t, err); return s.CPU }
	require.Eventually(t, func() bool { return busy() >= 50*time.Millisecond }, 20*time.Second, 20*time.Millisecond)
	after, err := TreeStats(os.Getpid())
	require.NoError(t, err)
	require.GreaterOrEqual(t, after.Sub(before).CPU, 50*time.Millisecond)
}

func TestParseStat(t *testing.T) {
	p, ok := parseStat("7 (a (b) c) S 3 7 7 0 -1 4194304 90 0 0 0 100 20 3 4 20 0 1 0\n")
	require.True(t, ok)
	require.Equal(t, processTimes{parent: 3, used: 1270 * time.Millisecond}, p)
	for _, text := range []string{"", "7 (a) S 3 7", "7 (a) S 3 7 7 0 -1 4194304 90 0 0 0 x 20 3 4"} {
		_, ok := parseStat(text)
		require.False(t, ok, text)
	}
}
