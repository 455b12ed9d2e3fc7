package main

import (
	"bytes"
	"errors"
	"flag"
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

// The tests in process_*_test.go run the real binary as an operator does: with an environment, a folder and signals. How long they wait is
// bounded, and what still runs at a test's end is killed.

const (
	patience     = 30 * time.Second // with a process, on a machine that has other things to do
	testSecret   = "kT5z0qPwX1v8Lr3Jc7Hd9Mb2Ny4Gf6Sa-of-the-tests"
	testAuditKey = "Wm4sQz7cVb1nKx9pRt3yHd6fJg0lUe5a-of-the-tests"
	testVersion  = "0.0.0-test"
)

func TestMain(m *testing.M) {
	// Most tests wait, for processes, disks and clocks. go test -parallel, which Run reads, comes after this.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	code := m.Run()
	if folder, err := binary(); builtBinary && err == nil {
		_ = os.RemoveAll(filepath.Dir(folder))
	}
	os.Exit(code)
}

var builtBinary bool // so that a run without process tests builds nothing

// binary builds the program once and returns its path. It is built without the race detector, as it ships, even where the tests have it.
var binary = sync.OnceValues(func() (string, error) {
	builtBinary = true
	folder, err := os.MkdirTemp("", "healthcare-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "healthcare")
	build := exec.Command("go", "build", "-race=false", "-buildvcs=false", "-ldflags", "-X main.version="+testVersion, "-o", path, ".")
	if said, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(said)), os.RemoveAll(folder))
	}
	return path, nil
})

// place is a folder and an environment to run the program in.
type place struct {
	t      testing.TB
	folder string
	env    []string
}

// bare is a new folder and nothing but what every shell has, and a free port.
func bare(t *testing.T) place {
	folder := t.TempDir()
	return place{t, folder, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMPDIR=" + os.TempDir(), "HTTP_ADDRESS=127.0.0.1:0"}}
}

// patient is a bare place whose limits suit a loaded machine, and where a password costs nothing.
func patient(t *testing.T) place {
	return bare(t).with("AUDIT_KEY="+testAuditKey, "HTTP_HANDLER_TIMEOUT=30s", "HTTP_READ_TIMEOUT=30s", "HTTP_WRITE_TIMEOUT=30s",
		"DATABASE_STATEMENT_TIMEOUT=20s", "DATABASE_ACQUIRE_TIMEOUT=20s", "DATABASE_LOCK_TIMEOUT=20s", "DATABASE_SLOW_QUERY=0s",
		// A server or a process that gets no processor for a second has not vanished: TestThreeInstances was answered 503.
		"PGCONNECT_TIMEOUT=20", "DATABASE_IDLE_IN_TRANSACTION_TIMEOUT=20s",
		"PASSWORD_HASH_WAIT=30s", "PASSWORD_HASH_MEMORY=64", "PASSWORD_HASH_ITERATIONS=1")
}

// eachPlace runs test in a patient place with a migrated database of its own, on each engine.
func eachPlace(t *testing.T, test func(t *testing.T, p place, db database.Config)) {
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		p := patient(t).with("SECRET_KEY=" + testSecret)
		if db.URL != "" {
			test(t, p.with("DATABASE_URL="+db.URL), db)
			return
		}
		test(t, p.with("DATA_DIR="+filepath.Dir(db.Path)), db)
	})
}

// with is the place with more variables; of two with one name the later counts.
func (p place) with(env ...string) place {
	p.env = append(slices.Clip(p.env), env...)
	return p
}

// program is the binary, running.
type program struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr transcript
	began          time.Time
	ended          chan struct{}
}

// start runs the program with these arguments.
func (p place) start(args ...string) *program {
	p.t.Helper()
	path, err := binary()
	require.NoError(p.t, err)
	return p.command(path, args...)
}

// command runs something that becomes the program.
func (p place) command(path string, args ...string) *program {
	p.t.Helper()
	return p.commandOf(path, func(*exec.Cmd) {}, args...)
}

func (p place) commandOf(path string, adjust func(*exec.Cmd), args ...string) *program {
	p.t.Helper()
	r := &program{t: p.t, cmd: exec.Command(path, args...), began: time.Now(), ended: make(chan struct{})}
	r.cmd.Dir, r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = p.folder, p.env, &r.stdout, &r.stderr
	adjust(r.cmd)
	require.NoError(p.t, r.cmd.Start())
	go func() {
		_ = r.cmd.Wait() // its exit code says it
		close(r.ended)
	}()
	p.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.ended
		if warnings := r.warnings(); p.t.Failed() && len(warnings) > 0 {
			p.t.Logf("%q warned:\n%s", args, strings.Join(warnings, "\n"))
		}
	})
	return r
}

// warnings returns its last ten lines of level warn or error, which say why a request was a 5xx.
func (r *program) warnings() []string {
	var found []string
	for line := range strings.SplitSeq(r.stderr.String(), "\n") {
		if strings.Contains(line, `"level":"warn"`) || strings.Contains(line, `"level":"error"`) {
			found = append(found, line)
		}
	}
	return found[max(0, len(found)-10):]
}

// run runs the program to its end.
func (p place) run(args ...string) outcome {
	p.t.Helper()
	return p.start(args...).outcome()
}

func (r *program) signal(s os.Signal) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(s))
}

// terminate is what a container's runtime does.
func (r *program) terminate() outcome {
	r.t.Helper()
	r.signal(syscall.SIGTERM)
	return r.outcome()
}

// outcome is what is left of a program: it waits for its end.
type outcome struct {
	t              testing.TB
	code           int // -1 when a signal ended it
	stdout, stderr string
	took           time.Duration
}

func (r *program) outcome() outcome {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience):
		r.t.Fatalf("%q still runs; it said:\n%s%s", r.cmd.Args[1:], r.stdout.String(), r.stderr.String())
	}
	o := outcome{r.t, r.cmd.ProcessState.ExitCode(), r.stdout.String(), r.stderr.String(), time.Since(r.began)}
	for _, never := range []string{testSecret, testAuditKey, "hunter2", "goroutine ", ".go:"} { // no secret, no stack trace
		require.NotContains(r.t, o.stdout+o.stderr, never)
	}
	return o
}

// lines are those of standard error.
func (o outcome) lines() []string {
	return strings.Split(strings.TrimSuffix(o.stderr, "\n"), "\n")
}

// failed asserts how a program fails: with this code, nothing on standard output, and a last line that tells people why; its log stands before.
func (o outcome) failed(code int, why ...string) outcome {
	o.t.Helper()
	require.Equal(o.t, code, o.code, "%s", o.stderr)
	require.Empty(o.t, o.stdout)
	lines := o.lines()
	for _, line := range lines[:len(lines)-1] {
		require.Regexp(o.t, `^\{"level":.*\}$`, line, "one line, not several:\n%s", o.stderr)
	}
	for _, text := range append(why, "healthcare: ") {
		require.Contains(o.t, lines[len(lines)-1], text)
	}
	return o
}

var listens = regexp.MustCompile(`^healthcare (\S+) listens on (http://\S+), keeps its data in (.+), and describes its API at (http://\S+/docs/)\n$`)

// ready waits until the program says where it listens.
func (r *program) ready() string {
	r.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if said := listens.FindStringSubmatch(r.stdout.String()); said != nil {
			return said[2]
		}
		select {
		case <-r.ended:
			r.t.Fatalf("it ended with %d:\n%s", r.cmd.ProcessState.ExitCode(), r.stderr.String())
		default:
		}
	}
	r.t.Fatalf("it is not ready; it said:\n%s%s", r.stdout.String(), r.stderr.String())
	return ""
}

// transcript is what a process writes, readable while it does.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
