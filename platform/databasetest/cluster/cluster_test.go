//go:build unix && !aix && !solaris

package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// exitVariable makes this test binary, run as a child, start a server and end as the variable describes, without Stop.
const exitVariable = "CLUSTER_TEST_EXIT"

func TestMain(m *testing.M) {
	if ending := os.Getenv(exitVariable); ending != "" {
		startAndExit(ending)
	}
	_ = os.Unsetenv("TEST_DATABASE_URL") // these tests need the throwaway server
	status := m.Run()
	Stop()
	os.Exit(status)
}

func startAndExit(ending string) {
	address, err := URL()
	fmt.Println(address, err)
	_, _ = io.ReadAll(os.Stdin) // until the parent is ready to watch
	switch ending {
	case "exit": // as testing does at the end, and log.Fatal
		os.Exit(0)
	case "panic":
		panic(ending)
	}
	select {} // the parent sends a signal
}

func TestServer(t *testing.T) {
	requirePostgreSQL(t)
	address := startConcurrently(t)

	t.Run("accepts connections, and its folder is private to its user", func(t *testing.T) {
		connection := connect(t, address)
		require.Contains(t, query(t, connection, "SELECT version()"), "PostgreSQL")
		require.Equal(t, "app", query(t, connection, "SELECT current_user"))
		require.Equal(t, "UTF8", query(t, connection, "SHOW server_encoding"))
		require.Empty(t, query(t, connection, "SHOW listen_addresses"))

		folder, err := os.Stat(folderOf(t, address))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
		require.NotZero(t, folder.Sys().(*syscall.Stat_t).Uid)
	})
	t.Run("has databases that the caller creates", func(t *testing.T) {
		_, err := connect(t, address).Exec(t.Context(), "CREATE DATABASE other")
		require.NoError(t, err)
		other, err := url.Parse(address)
		require.NoError(t, err)
		other.Path = "/other"
		require.Equal(t, "other", query(t, connect(t, other.String()), "SELECT current_database()"))
	})
	t.Run("leaves no goroutine in this process", func(t *testing.T) { goleak.VerifyNone(t) })
	t.Run("has ended when Stop returns; Stop may be repeated, and URL starts another server", func(t *testing.T) {
		held := hold(t, folderOf(t, address))
		start := time.Now()
		Stop()
		require.Less(t, time.Since(start), 4*time.Second, "the supervisor should not have to kill it")
		require.NoDirExists(t, held.Name())
		requireEnded(t, held)
		Stop()

		again, err := URL()
		require.NoError(t, err)
		require.NotEqual(t, address, again)
		connect(t, again)
		Stop()
	})
}

// startConcurrently calls URL from four goroutines at once.
func startConcurrently(t *testing.T) string {
	var all sync.WaitGroup
	addresses := make([]string, 4)
	for i := range addresses {
		all.Go(func() { addresses[i], _ = URL() })
	}
	all.Wait()
	require.NotEmpty(t, addresses[0])
	for _, address := range addresses {
		require.Equal(t, addresses[0], address)
	}
	return addresses[0]
}

func TestServerEndsWithProcess(t *testing.T) {
	requirePostgreSQL(t)
	for _, ending := range []string{
		"exit", "panic", "SIGKILL to the group", "SIGINT to the group, as by Ctrl-C", "SIGKILL while it starts",
	} {
		t.Run(ending+" leaves no process and no folder", func(t *testing.T) {
			t.Parallel()
			temp := tempFolder(t)
			child := newChild(t, temp, ending)
			held := child.held(t, temp)
			locked := syscall.Flock(int(held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
			require.Error(t, locked, "the server should be running")

			child.end(t, ending)
			require.Eventually(t, func() bool { return empty(t, temp) }, 10*time.Second, 20*time.Millisecond)
			requireEnded(t, held)
		})
	}
}

type child struct {
	process *exec.Cmd
	stdin   io.Closer
	stdout  *bufio.Reader
}

func newChild(t *testing.T, temp, ending string) child {
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), exitVariable+"="+ending, "TMPDIR="+temp)
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := process.StdinPipe()
	require.NoError(t, err)
	stdout, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() { _ = process.Process.Kill() })

	c := child{process, stdin, bufio.NewReader(stdout)}
	if !strings.Contains(ending, "starts") {
		line, err := c.stdout.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, "postgres://app@/postgres?", "the child should have a server")
	}
	return c
}

// held opens the server's folder. Every process of the server holds the folder's lock, so that it is free when all
// processes have ended.
func (c child) held(t *testing.T, temp string) *os.File {
	started := func() bool { found, _ := filepath.Glob(temp + "/*/log"); return len(found) == 1 }
	require.Eventually(t, started, 10*time.Second, time.Millisecond)
	found, err := filepath.Glob(temp + "/*")
	require.NoError(t, err)
	return hold(t, found[0])
}

func (c child) end(t *testing.T, ending string) {
	group := -c.process.Process.Pid
	switch {
	case strings.HasPrefix(ending, "SIGKILL"):
		require.NoError(t, syscall.Kill(group, syscall.SIGKILL))
	case strings.HasPrefix(ending, "SIGINT"):
		require.NoError(t, syscall.Kill(group, syscall.SIGINT))
	default:
		require.NoError(t, c.stdin.Close())
	}
	_ = c.process.Wait() // its exit status does not matter
}

func TestURLOfEnvironment(t *testing.T) {
	t.Setenv("TEST_DATABASE_URL", "postgres://user@db.example/db")
	address, err := URL()
	require.NoError(t, err)
	require.Equal(t, "postgres://user@db.example/db", address)
}

func TestBinaries(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	install := func(t *testing.T, root string, programs ...string) string {
		folder := filepath.Join(root, "bin")
		require.NoError(t, os.MkdirAll(folder, 0o755))
		for _, program := range programs {
			require.NoError(t, os.WriteFile(filepath.Join(folder, program), nil, 0o755))
		}
		return folder
	}
	t.Run("reports that none is installed", func(t *testing.T) {
		_, err := binaries(filepath.Join(t.TempDir(), "*/bin"))
		require.ErrorIs(t, err, ErrNotInstalled)
	})
	t.Run("returns the newest complete version", func(t *testing.T) {
		root := t.TempDir()
		install(t, root+"/9.6", "postgres", "initdb")
		newest := install(t, root+"/15", "postgres", "initdb")
		install(t, root+"/17", "pg_dump")
		found, err := binaries(root + "/*/bin")
		require.NoError(t, err)
		require.Equal(t, newest, found)
	})
	t.Run("follows a link on the PATH to the folder of initdb", func(t *testing.T) {
		links, bin := t.TempDir(), install(t, t.TempDir(), "postgres", "initdb")
		require.NoError(t, os.Symlink(bin+"/postgres", links+"/postgres"))
		t.Setenv("PATH", links)
		found, err := binaries(debian)
		require.NoError(t, err)
		require.Equal(t, bin, found)
	})
}

func TestFailedStartQuotesTheLog(t *testing.T) {
	temp := tempFolder(t)
	t.Setenv("TMPDIR", temp)
	_, err := launch("/nowhere", "")
	require.ErrorContains(t, err, "/nowhere/initdb")
	require.True(t, empty(t, temp))
}

func TestFolderIsInTmpIfTempFolderIsUnsuitable(t *testing.T) {
	attr, err := attributes()
	require.NoError(t, err)
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o500))
	for name, temp := range map[string]string{
		"too long for a socket":     filepath.Join(t.TempDir(), strings.Repeat("long", 30)),
		"not writable for the user": closed,
		"a relative path":           "nowhere",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", temp)
			folder, err := newFolder(attr)
			require.NoError(t, err)
			defer folder.Close()
			require.Equal(t, "/tmp", filepath.Dir(folder.Name()))
			require.NoError(t, os.Remove(folder.Name()))
		})
	}
}

func TestSweepKeepsFoldersInUse(t *testing.T) {
	temp := t.TempDir()
	folder := func(name string, age time.Duration) string {
		path := filepath.Join(temp, name)
		require.NoError(t, os.Mkdir(path, 0o700))
		require.NoError(t, os.WriteFile(path+"/log", nil, 0o600))
		require.NoError(t, os.Chtimes(path, time.Now(), time.Now().Add(-age)))
		return path
	}
	unused, young := folder(prefix+"unused", time.Hour), folder(prefix+"young", 0)
	used, foreign := folder(prefix+"used", time.Hour), folder("foreign", time.Hour)
	held, err := lock(used)
	require.NoError(t, err)
	defer held.Close()

	sweep(temp)
	require.NoDirExists(t, unused)
	for _, kept := range []string{young, used, foreign} {
		require.DirExists(t, kept)
	}
}

// requirePostgreSQL skips a test if no server is installed, and fails it if REQUIRE_POSTGRES=1.
func requirePostgreSQL(t *testing.T) {
	_, err := binaries(debian)
	if errors.Is(err, ErrNotInstalled) && os.Getenv("REQUIRE_POSTGRES") != "1" {
		t.Skip(err)
	}
	require.NoError(t, err)
}

// tempFolder returns a temp folder in which the server's user may write, unlike t.TempDir() if the tests run as root.
func tempFolder(t *testing.T) string {
	temp, err := os.MkdirTemp("", "cluster-test-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	require.NoError(t, os.Chmod(temp, os.ModeSticky|0o777))
	return temp
}

func empty(t *testing.T, folder string) bool {
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	return len(entries) == 0
}

func folderOf(t *testing.T, address string) string {
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	return parsed.Query().Get("host")
}

func hold(t *testing.T, folder string) *os.File {
	held, err := os.Open(folder)
	require.NoError(t, err)
	t.Cleanup(func() { _ = held.Close() })
	return held
}

func requireEnded(t *testing.T, held *os.File) {
	free := func() bool { return syscall.Flock(int(held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil }
	require.Eventually(t, free, 20*time.Second, 10*time.Millisecond, "a process of the server is still running")
}

func connect(t *testing.T, address string) *pgx.Conn {
	connection, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	return connection
}

func query(t *testing.T, connection *pgx.Conn, statement string) (value string) {
	require.NoError(t, connection.QueryRow(t.Context(), statement).Scan(&value))
	return value
}
