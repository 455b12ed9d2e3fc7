//go:build unix && !aix && !solaris

package cluster

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	patience = 30 * time.Second // with a server that starts
	farewell = 10 * time.Second // for a server that stops: the script insists after 5
	pause    = 20 * time.Millisecond
)

//go:embed supervise.sh
var script string

// supervisor is the shell that runs supervise.sh: it owns the server and the folder.
type supervisor struct {
	process  *exec.Cmd
	lifeline *os.File // closed by us or, when this process dies, by the kernel: either ends the server
	reports  *os.File // brings the end of the server's log, then EOF when server and folder are gone
	words    strings.Builder
}

func newSupervisor(bin, primary string, folder *os.File, attr *syscall.SysProcAttr, settings []string) (*supervisor, error) {
	lifelineEnd, lifeline, err := os.Pipe() // close-on-exec, so no other child of this process keeps it open
	if err != nil {
		return nil, err
	}
	defer lifelineEnd.Close()
	reports, reportsEnd, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, lifeline.Close())
	}
	defer reportsEnd.Close()

	sh := exec.Command("/bin/sh", append([]string{"-c", script, "healthcare-pg", bin, folder.Name(), primary}, settings...)...)
	sh.Dir = "/" // initdb fails in a folder that its user may not read
	sh.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	sh.SysProcAttr = attr
	sh.Stdout = reportsEnd // never our own output: go test would wait for it
	sh.ExtraFiles = []*os.File{lifelineEnd, folder}
	if err := sh.Start(); err != nil {
		return nil, errors.Join(err, lifeline.Close(), reports.Close())
	}
	return &supervisor{process: sh, lifeline: lifeline, reports: reports}, nil
}

// await returns when the server answers. A server that does not is stopped.
func (s *supervisor) await(address string) error {
	err := errors.New("no answer")
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err = answers(address); err == nil {
			return nil
		}
		if s.gone(pause) {
			err = errors.New("it ended while starting")
			break
		}
	}
	s.stop()
	return fmt.Errorf("%w; its log ends:\n%s", err, &s.words)
}

// gone listens to the supervisor until it has ended, or for limit.
func (s *supervisor) gone(limit time.Duration) bool {
	_ = s.reports.SetReadDeadline(time.Now().Add(limit)) // pipes have deadlines
	_, err := io.Copy(&s.words, s.reports)
	return err == nil
}

// tell sends the line that stops the server, or starts it again.
func (s *supervisor) tell() error {
	_, err := s.lifeline.WriteString("\n")
	return err
}

func (s *supervisor) stop() {
	_ = s.lifeline.Close()
	if s.gone(farewell) {
		_ = s.process.Wait() // how it ended does not matter: it is gone
	}
	_ = s.reports.Close()
}
