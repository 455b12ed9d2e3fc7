//go:build unix

package api

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// asking is a session that reads all the time.
type poller struct {
	ended chan struct{}
	all   sync.WaitGroup
	mu    sync.Mutex
	slow  time.Duration
	reads int
}

// asking reads until it is stopped, in several goroutines; an answer that is no success fails the test.
func startPolling(c *harness.Client, patient string) *poller {
	a := &poller{ended: make(chan struct{})}
	for range 4 {
		a.all.Go(func() {
			for {
				select {
				case <-a.ended:
					return
				default:
				}
				began := time.Now()
				if got := c.Do("GET", "/api/patients/"+patient+"/", nil); got.Status != 200 {
					c.T.Errorf("a read was answered with %d: %s", got.Status, got.Body)
				}
				a.mu.Lock()
				a.reads, a.slow = a.reads+1, max(a.slow, time.Since(began))
				a.mu.Unlock()
			}
		})
	}
	return a
}

// stop is how many reads were answered.
func (a *poller) stop() int {
	close(a.ended)
	a.all.Wait()
	return a.reads
}

// testHangingReplica freezes every process of the replica: it takes connections, and answers nothing.
func (p *replicaSetup) testHangingReplica(t *testing.T, c *harness.Client, s *harness.Service, patient string) {
	out, in := strings.Count(s.Log.String(), harness.ReplicaOutOfUse),
		strings.Count(s.Log.String(), harness.ReplicaInUse)
	pids := queryValue[[]int](t, p.replica, `SELECT array_agg(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()`)
	postmaster, err := os.ReadFile(filepath.Join(p.replica.Folder(), "data", "postmaster.pid"))
	require.NoError(t, err)
	first, err := strconv.Atoi(strings.Split(string(postmaster), "\n")[0])
	require.NoError(t, err)
	signal := func(what syscall.Signal) {
		for _, pid := range append([]int{first}, pids...) {
			_ = syscall.Kill(pid, what) // a connection may have ended
		}
	}
	asked := startPolling(c, patient)
	signal(syscall.SIGSTOP)
	defer signal(syscall.SIGCONT)
	waitForLog(t, s, harness.ReplicaOutOfUse, out+1)
	time.Sleep(100 * time.Millisecond)
	require.NotZero(t, asked.stop())
	require.Less(t, asked.slow, 3*time.Second, "a read waits for a look, and no longer")
	signal(syscall.SIGCONT)
	waitForLog(t, s, harness.ReplicaInUse, in+1)
}
