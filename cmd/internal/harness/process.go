package harness

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// WriteFile writes a file to the folder and returns its path.
func (p Env) WriteFile(content string) string {
	p.T.Helper()
	path := filepath.Join(p.Folder, "file")
	require.NoError(p.T, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// ListFolder returns every file under the place's folder.
func (p Env) ListFolder() (all []string) {
	p.T.Helper()
	require.NoError(p.T, filepath.WalkDir(p.Folder, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	}))
	return all
}

// UnreadPipe returns a pipe that is not read, with its reading end.
func UnreadPipe(t *testing.T) (writer, reader *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = reader.Close(), writer.Close() })
	return writer, reader
}

// StartLoggingTo starts the server with its log in a file of the test.
func (p Env) StartLoggingTo(t *testing.T, log *os.File) *Process {
	t.Helper()
	path, err := Binary()
	require.NoError(t, err)
	return p.CommandWith(path, func(c *exec.Cmd) { c.Stderr = log })
}

// ExpectSuccess asserts that a command succeeds, and returns its output.
func (o Result) ExpectSuccess() string {
	o.T.Helper()
	require.Equal(o.T, 0, o.ExitCode, "%s", o.Stderr)
	require.Empty(o.T, o.Stderr)
	return o.Stdout
}

// The tests in process_*_test.go run the real binary as an operator does: with an environment, a folder and signals.
// Their waits are bounded, and processes that still run at a test's end are killed.

const (
	Timeout     = 30 * time.Second // for a process on a machine under load
	SecretKey   = "kT5z0qPwX1v8Lr3Jc7Hd9Mb2Ny4Gf6Sa-of-the-tests"
	AuditKey    = "Wm4sQz7cVb1nKx9pRt3yHd6fJg0lUe5a-of-the-tests"
	TestVersion = "0.0.0-test"
)

var builtBinary bool // so that a run without process tests builds nothing

// Binary builds the program once and returns its path. It is built without the race detector, as it ships, even where
// the tests have it.
var Binary = sync.OnceValues(func() (string, error) {
	builtBinary = true
	folder, err := os.MkdirTemp("", "healthcare-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "healthcare")
	build := exec.Command("go", "build", "-race=false", "-buildvcs=false", "-ldflags", "-X main.version="+TestVersion,
		"-o", path, "healthcare/cmd/healthcare")
	if output, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(output)), os.RemoveAll(folder))
	}
	return path, nil
})

// Env is a folder and an environment to run the program in.
type Env struct {
	T         testing.TB
	Folder    string
	Variables []string
}

// NewEnv returns a new folder, a free port and an environment with only the variables that every shell sets.
func NewEnv(t *testing.T) Env {
	folder := t.TempDir()
	return Env{t, folder, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMPDIR=" + os.TempDir(),
		"HTTP_ADDRESS=127.0.0.1:0"}}
}

// NewTolerantEnv returns an environment like NewEnv, with limits for a loaded machine and cheap password hashes.
func NewTolerantEnv(t *testing.T) Env {
	return NewEnv(t).With("AUDIT_KEY="+AuditKey, "HTTP_HANDLER_TIMEOUT=30s", "HTTP_READ_TIMEOUT=30s",
		"HTTP_WRITE_TIMEOUT=30s",
		"DATABASE_STATEMENT_TIMEOUT=20s", "DATABASE_ACQUIRE_TIMEOUT=20s", "DATABASE_LOCK_TIMEOUT=20s",
		"DATABASE_SLOW_QUERY=0s",
		// A server or a process that gets no processor for a second is not lost: TestThreeInstances received a 503.
		"PGCONNECT_TIMEOUT=20", "DATABASE_IDLE_IN_TRANSACTION_TIMEOUT=20s",
		"PASSWORD_HASH_WAIT=30s", "PASSWORD_HASH_MEMORY=64", "PASSWORD_HASH_ITERATIONS=1")
}

// EachEnv runs test in a tolerant environment with its own migrated database, on each engine.
func EachEnv(t *testing.T, test func(t *testing.T, p Env, db database.Config)) {
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		p := NewTolerantEnv(t).With("SECRET_KEY=" + SecretKey)
		if db.URL != "" {
			test(t, p.With("DATABASE_URL="+db.URL), db)
			return
		}
		test(t, p.With("DATA_DIR="+filepath.Dir(db.Path)), db)
	})
}

// With returns the environment with more variables. The last of two variables of the same name wins.
func (p Env) With(env ...string) Env {
	p.Variables = append(slices.Clip(p.Variables), env...)
	return p
}

// Process is a running instance of the binary.
type Process struct {
	T              testing.TB
	Cmd            *exec.Cmd
	Stdout, Stderr Output
	Started        time.Time
	Done           chan struct{}
}

// Start runs the program with these arguments.
func (p Env) Start(args ...string) *Process {
	p.T.Helper()
	path, err := Binary()
	require.NoError(p.T, err)
	return p.Command(path, args...)
}

// Command starts a command that executes the program.
func (p Env) Command(path string, args ...string) *Process {
	p.T.Helper()
	return p.CommandWith(path, func(*exec.Cmd) {}, args...)
}

// CommandWith starts the program at path in the environment, after adjust has changed the command.
func (p Env) CommandWith(path string, adjust func(*exec.Cmd), args ...string) *Process {
	p.T.Helper()
	r := &Process{T: p.T, Cmd: exec.Command(path, args...), Started: time.Now(), Done: make(chan struct{})}
	r.Cmd.Dir, r.Cmd.Env, r.Cmd.Stdout, r.Cmd.Stderr = p.Folder, p.Variables, &r.Stdout, &r.Stderr
	adjust(r.Cmd)
	require.NoError(p.T, r.Cmd.Start())
	go func() {
		_ = r.Cmd.Wait() // ProcessState has the exit code
		close(r.Done)
	}()
	p.T.Cleanup(func() {
		_ = r.Cmd.Process.Kill()
		<-r.Done
		if warnings := r.warnings(); p.T.Failed() && len(warnings) > 0 {
			p.T.Logf("%q warned:\n%s", args, strings.Join(warnings, "\n"))
		}
	})
	return r
}

// warnings returns its last ten lines of level warn or error, which explain a response of 5xx.
func (r *Process) warnings() []string {
	var found []string
	for line := range strings.SplitSeq(r.Stderr.String(), "\n") {
		if strings.Contains(line, `"level":"warn"`) || strings.Contains(line, `"level":"error"`) {
			found = append(found, line)
		}
	}
	return found[max(0, len(found)-10):]
}

// Run runs the program to its end.
func (p Env) Run(args ...string) Result {
	p.T.Helper()
	return p.Start(args...).Wait()
}

// Signal sends a signal to the process.
func (r *Process) Signal(s os.Signal) {
	r.T.Helper()
	require.NoError(r.T, r.Cmd.Process.Signal(s))
}

// Terminate stops the process as a container runtime does.
func (r *Process) Terminate() Result {
	r.T.Helper()
	r.Signal(syscall.SIGTERM)
	return r.Wait()
}

// Result is the exit code and output of a program that has ended.
type Result struct {
	T              testing.TB
	ExitCode       int // -1 when a signal ended it
	Stdout, Stderr string
	Duration       time.Duration
}

// Wait waits for the end of the process and returns its result.
func (r *Process) Wait() Result {
	r.T.Helper()
	select {
	case <-r.Done:
	case <-time.After(Timeout):
		r.T.Fatalf("%q still runs; its output:\n%s%s", r.Cmd.Args[1:], r.Stdout.String(), r.Stderr.String())
	}
	o := Result{r.T, r.Cmd.ProcessState.ExitCode(), r.Stdout.String(), r.Stderr.String(), time.Since(r.Started)}
	for _, never := range []string{SecretKey, AuditKey, "hunter2", "goroutine ", ".go:"} { // no secret, no stack trace
		require.NotContains(r.T, o.Stdout+o.Stderr, never)
	}
	return o
}

// StderrLines returns the lines of standard error.
func (o Result) StderrLines() []string {
	return strings.Split(strings.TrimSuffix(o.Stderr, "\n"), "\n")
}

// ExpectFailure asserts that a program failed with this code, wrote nothing to standard output, and explained the error
// in its last line, after its log.
func (o Result) ExpectFailure(code int, why ...string) Result {
	o.T.Helper()
	require.Equal(o.T, code, o.ExitCode, "%s", o.Stderr)
	require.Empty(o.T, o.Stdout)
	lines := o.StderrLines()
	for _, line := range lines[:len(lines)-1] {
		require.Regexp(o.T, `^\{"level":.*\}$`, line, "one line, not several:\n%s", o.Stderr)
	}
	for _, text := range append(why, "healthcare: ") {
		require.Contains(o.T, lines[len(lines)-1], text)
	}
	return o
}

// ListeningLine matches the line that the program prints when it is ready.
var ListeningLine = regexp.MustCompile(
	`^healthcare (\S+) listens on (http://\S+), keeps its data in (.+), and describes its API at (http://\S+/docs/)\n$`)

// WaitReady waits until the program prints where it listens.
func (r *Process) WaitReady() string {
	r.T.Helper()
	for end := time.Now().Add(Timeout); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if match := ListeningLine.FindStringSubmatch(r.Stdout.String()); match != nil {
			return match[2]
		}
		select {
		case <-r.Done:
			r.T.Fatalf("it ended with %d:\n%s", r.Cmd.ProcessState.ExitCode(), r.Stderr.String())
		default:
		}
	}
	r.T.Fatalf("it is not ready; its output:\n%s%s", r.Stdout.String(), r.Stderr.String())
	return ""
}

// Output is the output of a process, readable while the process writes.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *Output) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String returns the output so far.
func (s *Output) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// RunWithInput runs the program with the text as its standard input.
func (p Env) RunWithInput(input string, args ...string) Result {
	p.T.Helper()
	path, err := Binary()
	require.NoError(p.T, err)
	return p.CommandWith(path, func(cmd *exec.Cmd) { cmd.Stdin = strings.NewReader(input) }, args...).Wait()
}
