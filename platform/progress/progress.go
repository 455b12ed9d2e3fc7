// Package progress shows the progress of a command: one updated line on a terminal, occasional lines elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Line shows the progress of one operation.
type Line struct {
	out      io.Writer
	terminal bool
	every    time.Duration
	last     time.Time
}

// New returns a Line that writes to out.
func New(out io.Writer) *Line {
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return &Line{out: out, terminal: true, every: 100 * time.Millisecond}
	}
	return &Line{out: out, every: 10 * time.Second, last: time.Now()} //nolint:forbidigo // the interval of lines
}

// Show writes the progress, at most ten times a second on a terminal and every ten seconds elsewhere. Shorter
// operations write nothing.
func (l *Line) Show(what string, done, all int64) {
	now := time.Now() //nolint:forbidigo // likewise
	if now.Sub(l.last) < l.every {
		return
	}
	l.last = now
	if l.terminal {
		_, _ = fmt.Fprintf(l.out, "\r\033[K%s %d of %d", what, done, all)
		return
	}
	_, _ = fmt.Fprintf(l.out, "%s %d of %d\n", what, done, all)
}

// End clears the line on a terminal.
func (l *Line) End() {
	if l.terminal && !l.last.IsZero() {
		_, _ = fmt.Fprint(l.out, "\r\033[K")
	}
}
