// Package progress says how far a command is, for people who wait: one line that is written over on a terminal, a line now and then elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Line is what is being said.
type Line struct {
	out      io.Writer
	terminal bool
	every    time.Duration
	last     time.Time
}

// New is a line that goes to out, which is a terminal or not.
func New(out io.Writer) *Line {
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return &Line{out: out, terminal: true, every: 100 * time.Millisecond}
	}
	return &Line{out: out, every: 10 * time.Second, last: time.Now()} //nolint:forbidigo // how often something is said, not what time it is
}

// Show says how much of what is done: ten times a second at most on a terminal, and every ten seconds elsewhere, so that what is quick is quiet.
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

// End leaves the terminal's line empty.
func (l *Line) End() {
	if l.terminal && !l.last.IsZero() {
		_, _ = fmt.Fprint(l.out, "\r\033[K")
	}
}
