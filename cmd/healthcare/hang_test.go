package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// TestHungProcessExits runs itself in a child process, which hangs.
func TestHungProcessExits(t *testing.T) {
	t.Parallel()
	const marker = "HEALTHCARE_TEST_HANGS"
	if os.Getenv(marker) != "" {
		ctx, cancel := context.WithCancel(context.Background())
		exitIfHung(ctx, 100*time.Millisecond)
		exitIfHung(ctx, time.Millisecond)() // canceled
		fmt.Fprintln(os.Stderr, "hangs")
		cancel()
		select {}
	}
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout)
	defer cancel()
	hung := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$") // #nosec G204 -- the test itself
	hung.Env = append(os.Environ(), marker+"=1")
	output, _ := hung.CombinedOutput()
	require.Equal(t, exitHung, hung.ProcessState.ExitCode(), "%s", output)
	require.Contains(t, string(output), "did not stop within 100ms")
}
