// Package child runs servers as separate processes, so that their memory and allocations can be measured: Start is the
// parent's side, Report the child's.
package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Process is a running server.
type Process struct {
	Base   string        // http://host:port
	Took   time.Duration // from its start until it was ready
	debug  string
	cmd    *exec.Cmd
	life   io.Closer
	client http.Client
}

// addresses is the line that a child writes.
type addresses struct{ Address, Debug string }

// Start runs this program with args and env, and returns when /readyz responds 200. The child ends with its parent.
// Errors: a child that is not ready within a minute, with its last line.
func Start(ctx context.Context, folder string, env []string, args ...string) (*Process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return StartProgram(ctx, program, folder, env, args...)
}

// StartProgram does the same with another build of this program.
func StartProgram(ctx context.Context, program, folder string, env []string, args ...string) (*Process, error) {
	cmd := exec.CommandContext(ctx, program, args...)   // #nosec G204 -- itself, or what the operator names
	log, err := os.Create(filepath.Join(folder, "log")) // #nosec G304 -- a folder of our own
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	cmd.Env, cmd.Stderr = env, log
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, life: life}
	if err := p.await(ctx, out, start); err != nil {
		_ = p.Stop()
		text, _ := os.ReadFile(log.Name()) // the log, if any
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		return nil, fmt.Errorf("%s did not start: %w; last line: %s", strings.Join(args, " "), err, lines[len(lines)-1])
	}
	return p, nil
}

func (p *Process) await(ctx context.Context, out io.Reader, start time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return err
	}
	var s addresses
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	p.Base, p.debug = "http://"+s.Address, "http://"+s.Debug
	for {
		err := p.get(ctx, p.Base+"/readyz", io.Discard)
		p.Took = time.Since(start)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (p *Process) get(ctx context.Context, url string, into io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	_, err = io.Copy(into, response.Body)
	return err
}

// Stats returns the resources that the process has used.
func (p *Process) Stats(ctx context.Context) (s Stats, err error) {
	var text strings.Builder
	if err := p.get(ctx, p.debug+"/stats", &text); err != nil {
		return s, err
	}
	if err := json.Unmarshal([]byte(text.String()), &s); err != nil {
		return s, err
	}
	s.Resident = resident(p.cmd.Process.Pid)
	return s, nil
}

// Profile writes one of the child's profiles (net/http/pprof) to a file.
func (p *Process) Profile(ctx context.Context, name, file string) error {
	into, err := os.Create(file) // #nosec G304 -- the operator's own
	if err != nil {
		return err
	}
	return errors.Join(p.get(ctx, p.debug+"/debug/pprof/"+name, into), into.Close())
}

// Stop ends the process and waits for it.
func (p *Process) Stop() error {
	p.client.CloseIdleConnections()
	_ = p.life.Close() // it ends then
	kill := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	return p.cmd.Wait()
}

// resident returns a process's resident memory in bytes, or 0 without /proc.
func resident(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	var kib int64
	_, _ = fmt.Sscan(after, &kib) // 0 if it is missing
	return kib << 10
}
