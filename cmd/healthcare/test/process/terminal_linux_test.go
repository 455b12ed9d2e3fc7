package process

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"healthcare/cmd/internal/harness"
)

// pseudoTerminal returns both ends of a new pseudo terminal (pts(4)).
func pseudoTerminal(p harness.Env) (user, terminal *os.File) {
	p.T.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(p.T, err)
	require.NoError(p.T, unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	require.NoError(p.T, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(p.T, err)
	return user, terminal
}

// logOnTerminal runs the program with standard error on a terminal, and returns that output.
func logOnTerminal(p harness.Env) string {
	p.T.Helper()
	screen, terminal := pseudoTerminal(p)
	var shown harness.Output
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, err := screen.Read(buffer)
			_, _ = shown.Write(buffer[:n])
			if err != nil {
				return // the other end is closed
			}
		}
	}()
	path, err := harness.Binary()
	require.NoError(p.T, err)
	r := p.CommandWith(path, func(cmd *exec.Cmd) { cmd.Stderr = terminal })
	r.WaitReady()
	require.Equal(p.T, 0, r.Terminate().ExitCode)
	require.NoError(p.T, terminal.Close())
	select {
	case <-done:
	case <-time.After(harness.Timeout):
	}
	require.NoError(p.T, screen.Close())
	return shown.String()
}

func TestLogOnTerminal(t *testing.T) {
	t.Parallel()
	const colour = "\x1b["
	t.Run("is text, with coloured levels", func(t *testing.T) {
		t.Parallel()
		shown := logOnTerminal(harness.NewTolerantEnv(t).With("TERM=xterm"))
		require.Contains(t, shown, "INFO")
		require.Contains(t, shown, colour)
		require.NotContains(t, shown, `{"level"`)
	})
	t.Run("has no colours with NO_COLOR or TERM=dumb", func(t *testing.T) {
		t.Parallel()
		for _, variable := range []string{"NO_COLOR=1", "TERM=dumb"} {
			shown := logOnTerminal(harness.NewTolerantEnv(t).With("TERM=xterm", variable))
			require.Contains(t, shown, "\tINFO\t")
			require.NotContains(t, shown, colour)
		}
	})
	t.Run("is empty with LOG_LEVEL=error", func(t *testing.T) {
		t.Parallel()
		require.Empty(t, strings.TrimSpace(logOnTerminal(harness.NewTolerantEnv(t).With("LOG_LEVEL=error"))))
	})
}
