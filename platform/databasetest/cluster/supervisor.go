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
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second // the script kills the server after 5 seconds
	pause        = 20 * time.Millisecond
)

//go:embed supervise.sh
var script string

// supervisor is the shell that runs supervise.sh. It owns the server and the folder.
type supervisor struct {
	process  *exec.Cmd
	lifeline *os.File // the server ends when this process, or the kernel after its end, closes it
	reports  *os.File // the end of the server's log, then EOF when server and folder are removed
	logTail  strings.Builder
}

func newSupervisor(
	bin, primary string, folder *os.File, attr *syscall.SysProcAttr, settings []string,
) (*supervisor, error) {
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

	arguments := []string{"-c", script, "healthcare-pg", bin, folder.Name(), primary}
	sh := exec.Command("/bin/sh", append(arguments, settings...)...)
	sh.Dir = "/" // initdb fails in a folder that its user cannot read
	sh.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	sh.SysProcAttr = attr
	sh.Stdout = reportsEnd // not our own output, for which go test would wait
	sh.ExtraFiles = []*os.File{lifelineEnd, folder}
	if err := sh.Start(); err != nil {
		return nil, errors.Join(err, lifeline.Close(), reports.Close())
	}
	return &supervisor{process: sh, lifeline: lifeline, reports: reports}, nil
}

// await returns when the server accepts connections. It stops a server that does not start in time.
func (s *supervisor) await(address string) error {
	err := errors.New("no response")
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		if err = ping(address); err == nil {
			return nil
		}
		if s.waitEnd(pause) {
			err = errors.New("it ended while starting")
			break
		}
	}
	s.stop()
	return fmt.Errorf("%w; its log ends:\n%s", err, &s.logTail)
}

// waitEnd reads the reports for up to limit. It reports whether the supervisor has ended.
func (s *supervisor) waitEnd(limit time.Duration) bool {
	_ = s.reports.SetReadDeadline(time.Now().Add(limit)) // pipes have deadlines
	_, err := io.Copy(&s.logTail, s.reports)
	return err == nil
}

// toggle stops the server, or starts it again.
func (s *supervisor) toggle() error {
	_, err := s.lifeline.WriteString("\n")
	return err
}

func (s *supervisor) stop() {
	_ = s.lifeline.Close()
	if s.waitEnd(stopTimeout) {
		_ = s.process.Wait() // its exit status does not matter
	}
	_ = s.reports.Close()
}
