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

// poller is a session that reads continuously.
type poller struct {
	ended chan struct{}
	all   sync.WaitGroup
	mu    sync.Mutex
	slow  time.Duration
	reads int
}

// startPolling reads in several goroutines until stop. A response other than a success fails the test.
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
				start := time.Now()
				if got := c.Do("GET", "/api/patients/"+patient+"/", nil); got.Status != 200 {
					c.T.Errorf("a read failed with %d: %s", got.Status, got.Body)
				}
				a.mu.Lock()
				a.reads, a.slow = a.reads+1, max(a.slow, time.Since(start))
				a.mu.Unlock()
			}
		})
	}
	return a
}

// stop ends the reads and returns their number.
func (a *poller) stop() int {
	close(a.ended)
	a.all.Wait()
	return a.reads
}

// testHangingReplica freezes every process of the replica, which then accepts connections but does not respond.
func (p *replicaSetup) testHangingReplica(t *testing.T, c *harness.Client, s *harness.Service, patient string) {
	out, in := strings.Count(s.Log.String(), harness.ReplicaOutOfUse),
		strings.Count(s.Log.String(), harness.ReplicaInUse)
	pids := queryValue[[]int](t, p.replica, `SELECT array_agg(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()`)
	postmaster, err := os.ReadFile(filepath.Join(p.replica.Folder(), "data", "postmaster.pid"))
	require.NoError(t, err)
	first, err := strconv.Atoi(strings.Split(string(postmaster), "\n")[0])
	require.NoError(t, err)
	signal := func(sent syscall.Signal) {
		for _, pid := range append([]int{first}, pids...) {
			_ = syscall.Kill(pid, sent) // a connection may have ended
		}
	}
	polling := startPolling(c, patient)
	signal(syscall.SIGSTOP)
	defer signal(syscall.SIGCONT)
	waitForLog(t, s, harness.ReplicaOutOfUse, out+1)
	time.Sleep(100 * time.Millisecond)
	require.NotZero(t, polling.stop())
	require.Less(t, polling.slow, 3*time.Second, "a read waits at most for one check of the replica")
	signal(syscall.SIGCONT)
	waitForLog(t, s, harness.ReplicaInUse, in+1)
}
