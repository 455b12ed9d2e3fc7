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

// deathVariable makes this test binary, run as a child, start a server and die of what the variable says, without calling Stop.
const deathVariable = "CLUSTER_TEST_DEATH"

func TestMain(m *testing.M) {
	if death := os.Getenv(deathVariable); death != "" {
		liveAndDie(death)
	}
	_ = os.Unsetenv("TEST_DATABASE_URL") // here the throwaway server itself is under test
	status := m.Run()
	Stop()
	os.Exit(status)
}

func liveAndDie(death string) {
	address, err := URL()
	fmt.Println(address, err)
	_, _ = io.ReadAll(os.Stdin) // until the parent is ready to watch
	switch death {
	case "exit": // as testing does at the end, and log.Fatal
		os.Exit(0)
	case "panic":
		panic(death)
	}
	select {} // the parent sends a signal
}

func TestServer(t *testing.T) {
	requirePostgreSQL(t)
	address := start4(t)

	t.Run("serves whoever asks, from a folder of its own user", func(t *testing.T) {
		connection := connect(t, address)
		require.Contains(t, ask(t, connection, "SELECT version()"), "PostgreSQL")
		require.Equal(t, "app", ask(t, connection, "SELECT current_user"))
		require.Equal(t, "UTF8", ask(t, connection, "SHOW server_encoding"))
		require.Empty(t, ask(t, connection, "SHOW listen_addresses"))

		folder, err := os.Stat(folderOf(t, address))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
		require.NotZero(t, folder.Sys().(*syscall.Stat_t).Uid)
	})
	t.Run("lets the caller make a database and reach it by the address with another path", func(t *testing.T) {
		_, err := connect(t, address).Exec(t.Context(), "CREATE DATABASE other")
		require.NoError(t, err)
		other, err := url.Parse(address)
		require.NoError(t, err)
		other.Path = "/other"
		require.Equal(t, "other", ask(t, connect(t, other.String()), "SELECT current_database()"))
	})
	t.Run("keeps no goroutine in this process", func(t *testing.T) { goleak.VerifyNone(t) })
	t.Run("is gone when Stop returns, may be stopped again, and another one can follow", func(t *testing.T) {
		held := hold(t, folderOf(t, address))
		began := time.Now()
		Stop()
		require.Less(t, time.Since(began), 4*time.Second, "it should not take the supervisor's last resort")
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

// start4 has four callers race for the first call of URL.
func start4(t *testing.T) string {
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

func TestDeathOfTheTests(t *testing.T) {
	requirePostgreSQL(t)
	for _, death := range []string{"exit", "panic", "SIGKILL to the group", "SIGINT to the group, as by Ctrl-C", "SIGKILL while it starts"} {
		t.Run(death+" leaves no process and no folder", func(t *testing.T) {
			t.Parallel()
			temp := tempFolder(t)
			child := newChild(t, temp, death)
			held := child.held(t, temp)
			require.Error(t, syscall.Flock(int(held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), "the server should live")

			child.die(t, death)
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

func newChild(t *testing.T, temp, death string) child {
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), deathVariable+"="+death, "TMPDIR="+temp)
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := process.StdinPipe()
	require.NoError(t, err)
	stdout, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() { _ = process.Process.Kill() })

	c := child{process, stdin, bufio.NewReader(stdout)}
	if !strings.Contains(death, "starts") {
		said, err := c.stdout.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, said, "postgres://app@/postgres?", "the child should have a server")
	}
	return c
}

// held is the server's folder, kept open: as every process of the server holds its lock, it tells when the last has ended.
func (c child) held(t *testing.T, temp string) *os.File {
	started := func() bool { found, _ := filepath.Glob(temp + "/*/log"); return len(found) == 1 }
	require.Eventually(t, started, 10*time.Second, time.Millisecond)
	found, err := filepath.Glob(temp + "/*")
	require.NoError(t, err)
	return hold(t, found[0])
}

func (c child) die(t *testing.T, death string) {
	group := -c.process.Process.Pid
	switch {
	case strings.HasPrefix(death, "SIGKILL"):
		require.NoError(t, syscall.Kill(group, syscall.SIGKILL))
	case strings.HasPrefix(death, "SIGINT"):
		require.NoError(t, syscall.Kill(group, syscall.SIGINT))
	default:
		require.NoError(t, c.stdin.Close())
	}
	_ = c.process.Wait() // its status is as ugly as its death
}

func TestURLHonoursTheEnvironment(t *testing.T) {
	t.Setenv("TEST_DATABASE_URL", "postgres://somebody@elsewhere/db")
	address, err := URL()
	require.NoError(t, err)
	require.Equal(t, "postgres://somebody@elsewhere/db", address)
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
	t.Run("there are none", func(t *testing.T) {
		_, err := binaries(filepath.Join(t.TempDir(), "*/bin"))
		require.ErrorIs(t, err, ErrNotInstalled)
	})
	t.Run("the newest complete version is taken", func(t *testing.T) {
		root := t.TempDir()
		install(t, root+"/9.6", "postgres", "initdb")
		newest := install(t, root+"/15", "postgres", "initdb")
		install(t, root+"/17", "pg_dump")
		found, err := binaries(root + "/*/bin")
		require.NoError(t, err)
		require.Equal(t, newest, found)
	})
	t.Run("a link on the PATH leads to the folder where initdb is", func(t *testing.T) {
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

func TestFolderIsInTmpWhereTheTempFolderWillNotDo(t *testing.T) {
	attr, err := attributes()
	require.NoError(t, err)
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o500))
	for name, temp := range map[string]string{
		"too long for a socket":         filepath.Join(t.TempDir(), strings.Repeat("long", 30)),
		"closed to the server's user":   closed,
		"relative to the tests' folder": "nowhere",
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

func TestSweepSparesTheLiving(t *testing.T) {
	temp := t.TempDir()
	folder := func(name string, age time.Duration) string {
		path := filepath.Join(temp, name)
		require.NoError(t, os.Mkdir(path, 0o700))
		require.NoError(t, os.WriteFile(path+"/log", nil, 0o600))
		require.NoError(t, os.Chtimes(path, time.Now(), time.Now().Add(-age)))
		return path
	}
	dead, young := folder(prefix+"dead", time.Hour), folder(prefix+"young", 0)
	living, foreign := folder(prefix+"living", time.Hour), folder("foreign", time.Hour)
	held, err := lock(living)
	require.NoError(t, err)
	defer held.Close()

	sweep(temp)
	require.NoDirExists(t, dead)
	for _, spared := range []string{young, living, foreign} {
		require.DirExists(t, spared)
	}
}

// requirePostgreSQL skips a test where no server is installed, and fails it where REQUIRE_POSTGRES=1.
func requirePostgreSQL(t *testing.T) {
	_, err := binaries(debian)
	if errors.Is(err, ErrNotInstalled) && os.Getenv("REQUIRE_POSTGRES") != "1" {
		t.Skip(err)
	}
	require.NoError(t, err)
}

// tempFolder is a temp folder in which the server's user may write too, unlike t.TempDir() when the tests run as root.
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
	require.Eventually(t, free, 2*time.Second, 10*time.Millisecond, "a process of the server still lives")
}

func connect(t *testing.T, address string) *pgx.Conn {
	connection, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	return connection
}

func ask(t *testing.T, connection *pgx.Conn, question string) (answer string) {
	require.NoError(t, connection.QueryRow(t.Context(), question).Scan(&answer))
	return answer
}
