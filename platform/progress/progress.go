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
	what     string
	last     time.Time
}

// On is a line that goes to out, which is a terminal or not.
func On(out io.Writer) *Line {
	file, ok := out.(*os.File)
	return &Line{out: out, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

// Show says how much of what is done: on a terminal ten times a second at most, elsewhere when something else begins and every ten seconds.
func (l *Line) Show(what string, done, all int64) {
	pause := 10 * time.Second
	if l.terminal {
		pause = 100 * time.Millisecond
	}
	now := time.Now() //nolint:forbidigo // how often a screen is written, not what time it is
	if now.Sub(l.last) < pause && (l.terminal || what == l.what) {
		return
	}
	l.what, l.last = what, now
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
