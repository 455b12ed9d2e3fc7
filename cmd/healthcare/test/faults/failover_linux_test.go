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

// servedAgainWithin is how long a fail-over may keep the service from serving: Patroni's patience with a silent leader,
// its election, and ours.
const servedAgainWithin = cluster.FailoverTTL + 15*time.Second

// the primary of a cluster under Patroni is killed under load, and after it came back as a standby its successor
// too, so that the first one may lead again. Clients receive 503 until the successor serves, at every instance by
// itself; no acknowledged write is lost; the trail is whole.
func TestR57_FailOverUnderLoad(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("two fail-overs take two minutes: they run with SOAK=1 (task soak)")
	}
	nodes, err := cluster.NewPatroni()
	require.NoError(t, err)
	t.Cleanup(nodes.Close)
	p := newDefaultEnv(t).With("DATABASE_URL="+nodes.URL(),
		"DATABASE_REPLICA_URLS="+strings.Join(nodes.NodeURLs(), ","), "AUDIT_CHECKPOINT_EVERY=1s")
	r := p.Start()
	c := harness.NewHTTPClient(t, r.WaitReady())
	for _, url := range nodes.NodeURLs() { // where it keeps its data: every host, none of the passwords
		host := strings.TrimPrefix(url[:strings.LastIndex(url, "/")], "postgres://app:loopback@")
		require.Contains(t, r.Stdout.String(), host)
	}
	c.SignUp()
	said := newLoad(c)
	said.start()
	seen := 0
	for round := range 2 {
		waitUntil(t, harness.Timeout, "no load", func() bool { return said.acknowledged() > seen+200 })
		inUse := func() int { return strings.Count(r.Stderr.String(), harness.ReplicaInUse) }
		waitUntil(t, harness.Timeout, "no replica is in use", func() bool { return inUse() >= 2 })
		before, out := inUse(), strings.Count(r.Stderr.String(), harness.ReplicaOutOfUse)
		leader := nodes.Leader()
		require.NotEmpty(t, leader)
		killed := time.Now()
		require.NoError(t, nodes.Kill(leader))
		said.testFailOver(r, killed)
		require.NotEqual(t, leader, nodes.Leader())
		require.NoError(t, nodes.Start(leader))
		require.Eventually(t, nodes.Complete, 3*harness.Timeout, quiet, "the former leader does not come back")
		require.Eventually(t, func() bool { return inUse() >= before+2 }, 6*time.Minute, quiet,
			"replicas are not used again")
		require.Greater(t, strings.Count(r.Stderr.String(), harness.ReplicaOutOfUse), out)
		seen = said.acknowledged()
		t.Logf("fail-over %d: complete again, with replicas in use, %s after the kill; %d acknowledged writes", round+1,
			time.Since(killed).Round(time.Second), seen)
	}
	said.stop()
	requireCheckpoints(p, said)
	openDatabaseCheck(t, database.Config{URL: nodes.URL()}).requireAcknowledged(said)
	require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
	stderr := r.Terminate()
	require.Equal(t, 0, stderr.ExitCode)
	require.NotContains(t, stderr.Stderr, "loopback", "no password in the log")
	t.Logf("%d acknowledged writes, 0 lost;%s", said.acknowledged(), statuses(said.recorded()))
}

// testFailOver asserts what clients receive from the death of the primary until they are served again.
func (l *load) testFailOver(r *harness.Process, killed time.Time) {
	t := l.T.(*testing.T)
	t.Helper()
	// seldom enough to leave the processors to the service: each look sorts all answers
	require.Eventually(t, func() bool {
		return l.refusedSince(killed) > 0 && l.acknowledgedSince(time.Now().Add(-quiet)) > 0
	}, servedAgainWithin+quiet, quiet, "no successor serves")
	l.Call("GET", "/readyz", nil, 200)
	var first, last time.Time
	slowest := time.Duration(0)
	for _, one := range l.recorded() {
		answered := one.at.Add(one.took)
		if answered.Before(killed) {
			continue
		}
		require.NoError(t, one.err, "%s is not answered at all", one.what)
		slowest = max(slowest, one.took)
		require.Less(t, one.took, refusedWithin(), "%s: %d after %s, %s after the kill\n%s", one.what, one.Status,
			one.took, answered.Sub(killed), logOf(r, one.Body))
		if one.Status/100 == 2 {
			continue
		}
		inFlight := one.Status == 409 && one.Body["code"] == "idempotency_key_in_flight"
		require.True(t, one.Status == 503 || inFlight, "%d %v\n%s", one.Status, one.Body, logOf(r, one.Body))
		require.NotEmpty(t, one.RetryAfter, "%v", one.Body)
		if first.IsZero() || answered.Before(first) {
			first = answered
		}
		last = latest(last, answered)
	}
	require.Less(t, last.Sub(killed), servedAgainWithin)
	t.Logf("503 %s after the kill, each answer within %s, served again %s after it",
		first.Sub(killed).Round(time.Millisecond), slowest.Round(time.Millisecond),
		last.Sub(killed).Round(100*time.Millisecond))
}

// refusedSince returns how many answers since an instant were no success.
func (l *load) refusedSince(since time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.exchanges {
		if one.at.Add(one.took).After(since) && one.Status/100 != 2 {
			n++
		}
	}
	return n
}
