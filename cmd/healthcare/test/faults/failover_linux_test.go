package faults

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest/cluster"
)

// failoverLimit is the longest time without service in a fail-over: Patroni's TTL of a silent leader, and 15 s for the
// election and the reconnection.
const failoverLimit = cluster.FailoverTTL + 15*time.Second

// TestR57_FailOverUnderLoad kills the primary of a Patroni cluster under load and, when it is back as a standby, its
// successor. Clients receive 503 until the successor serves. No acknowledged write is lost, and the trail verifies.
func TestR57_FailOverUnderLoad(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("takes two minutes: set SOAK=1 (task soak)")
	}
	nodes, err := cluster.NewPatroni()
	require.NoError(t, err)
	t.Cleanup(nodes.Close)
	p := newDefaultEnv(t).With("DATABASE_URL="+nodes.URL(),
		"DATABASE_REPLICA_URLS="+strings.Join(nodes.NodeURLs(), ","), "AUDIT_CHECKPOINT_EVERY=1s")
	r := p.Start()
	c := harness.NewHTTPClient(t, r.WaitReady())
	for _, url := range nodes.NodeURLs() { // the line at the start lists all hosts
		host := strings.TrimPrefix(url[:strings.LastIndex(url, "/")], "postgres://app:loopback@")
		require.Contains(t, r.Stdout.String(), host)
	}
	c.SignUp()
	traffic := newLoad(c)
	traffic.start()
	seen := 0
	for round := range 2 {
		waitUntil(t, harness.Timeout, "no load", func() bool { return traffic.acknowledged() > seen+200 })
		inUse := func() int { return strings.Count(r.Stderr.String(), harness.ReplicaInUse) }
		waitUntil(t, harness.Timeout, "no replica is in use", func() bool { return inUse() >= 2 })
		before, out := inUse(), strings.Count(r.Stderr.String(), harness.ReplicaOutOfUse)
		leader := nodes.Leader()
		require.NotEmpty(t, leader)
		killed := time.Now()
		require.NoError(t, nodes.Kill(leader))
		traffic.testFailOver(r, killed)
		require.NotEqual(t, leader, nodes.Leader())
		require.NoError(t, nodes.Start(leader))
		require.Eventually(t, nodes.Complete, 3*harness.Timeout, quiet, "the former leader does not return")
		require.Eventually(t, func() bool { return inUse() >= before+2 }, 6*time.Minute, quiet,
			"replicas are not used again")
		require.Greater(t, strings.Count(r.Stderr.String(), harness.ReplicaOutOfUse), out)
		seen = traffic.acknowledged()
		t.Logf("fail-over %d: complete, with replicas in use, %s after the kill; %d acknowledged writes", round+1,
			time.Since(killed).Round(time.Second), seen)
	}
	traffic.stop()
	requireCheckpoints(p, traffic)
	openDatabaseCheck(t, database.Config{URL: nodes.URL()}).requireAcknowledged(traffic)
	require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
	stderr := r.Terminate()
	require.Equal(t, 0, stderr.ExitCode)
	require.NotContains(t, stderr.Stderr, "loopback", "no password in the log")
	t.Logf("%d acknowledged writes, 0 lost;%s", traffic.acknowledged(), statuses(traffic.recorded()))
}

// testFailOver asserts the responses from the kill of the primary until clients are served again.
func (l *load) testFailOver(r *harness.Process, killed time.Time) {
	t := l.T.(*testing.T)
	t.Helper()
	// rare checks, because each sorts all exchanges
	require.Eventually(t, func() bool {
		return l.rejectedSince(killed) > 0 && l.acknowledgedSince(time.Now().Add(-quiet)) > 0
	}, failoverLimit+quiet, quiet, "no successor serves")
	l.Call("GET", "/readyz", nil, 200)
	var first, last time.Time
	slowest := time.Duration(0)
	for _, one := range l.recorded() {
		finished := one.at.Add(one.elapsed)
		if finished.Before(killed) {
			continue
		}
		require.NoError(t, one.err, "%s: no response", one.what)
		slowest = max(slowest, one.elapsed)
		require.Less(t, one.elapsed, rejectionLimit(), "%s: %d after %s, %s after the kill\n%s", one.what, one.Status,
			one.elapsed, finished.Sub(killed), logOf(r, one.Body))
		if one.Status/100 == 2 {
			continue
		}
		inFlight := one.Status == 409 && one.Body["code"] == "idempotency_key_in_flight"
		require.True(t, one.Status == 503 || inFlight, "%d %v\n%s", one.Status, one.Body, logOf(r, one.Body))
		require.NotEmpty(t, one.RetryAfter, "%v", one.Body)
		if first.IsZero() || finished.Before(first) {
			first = finished
		}
		last = latest(last, finished)
	}
	require.Less(t, last.Sub(killed), failoverLimit)
	t.Logf("503 %s after the kill, each response within %s, served again %s after it",
		first.Sub(killed).Round(time.Millisecond), slowest.Round(time.Millisecond),
		last.Sub(killed).Round(100*time.Millisecond))
}

// rejectedSince returns the number of unsuccessful responses since an instant.
func (l *load) rejectedSince(since time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.exchanges {
		if one.at.Add(one.elapsed).After(since) && one.Status/100 != 2 {
			n++
		}
	}
	return n
}
