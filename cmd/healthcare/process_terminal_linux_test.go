package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pseudoTerminal returns both ends of a new pseudo terminal (pts(4)).
func (p place) pseudoTerminal() (person, terminal *os.File) {
	p.t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(p.t, err)
	require.NoError(p.t, unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	require.NoError(p.t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(p.t, err)
	return person, terminal
}

// logOnTerminal runs the program with standard error on a terminal, and returns what it wrote there.
func (p place) logOnTerminal() string {
	p.t.Helper()
	screen, terminal := p.pseudoTerminal()
	var shown transcript
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, err := screen.Read(buffer)
			_, _ = shown.Write(buffer[:n])
			if err != nil {
				return // nobody has the other end any more
			}
		}
	}()
	path, err := binary()
	require.NoError(p.t, err)
	r := p.commandOf(path, func(cmd *exec.Cmd) { cmd.Stderr = terminal })
	r.ready()
	require.Equal(p.t, 0, r.terminate().code)
	require.NoError(p.t, terminal.Close())
	select {
	case <-done:
	case <-time.After(patience):
	}
	require.NoError(p.t, screen.Close())
	return shown.String()
}

func TestTheLogOnATerminal(t *testing.T) {
	t.Parallel()
	const colour = "\x1b["
	t.Run("is text, with coloured levels", func(t *testing.T) {
		t.Parallel()
		shown := patient(t).with("TERM=xterm").logOnTerminal()
		require.Contains(t, shown, "INFO")
		require.Contains(t, shown, colour)
		require.NotContains(t, shown, `{"level"`)
	})
	t.Run("has no colours where NO_COLOR or TERM=dumb says so", func(t *testing.T) {
		t.Parallel()
		for _, variable := range []string{"NO_COLOR=1", "TERM=dumb"} {
			shown := patient(t).with("TERM=xterm", variable).logOnTerminal()
			require.Contains(t, shown, "\tINFO\t")
			require.NotContains(t, shown, colour)
		}
	})
	t.Run("is as silent as LOG_LEVEL says", func(t *testing.T) {
		t.Parallel()
		require.Empty(t, strings.TrimSpace(patient(t).with("LOG_LEVEL=error").logOnTerminal()))
	})
}
