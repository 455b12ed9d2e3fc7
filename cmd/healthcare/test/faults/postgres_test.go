package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/databasetest/cluster"
)

// rejectionLimit and recoveryLimit are the limits of for a response during an outage, and for the
// recovery.
func rejectionLimit() time.Duration { return limit(2*time.Second, 2800*time.Millisecond) }

func recoveryLimit() time.Duration { return limit(2*time.Second, 8*time.Second) }

// quiet is the time without an unsuccessful response after which the service counts as recovered.
const quiet = 500 * time.Millisecond

// outage is a kind of outage of PostgreSQL.
type outage struct {
	name       string
	duration   time.Duration
	begin, end func(t *testing.T, own *cluster.Server, proxy *harness.Proxy)
}

func stopServer(t *testing.T, own *cluster.Server, _ *harness.Proxy) { require.NoError(t, own.Stop()) }

func startServer(t *testing.T, own *cluster.Server, _ *harness.Proxy) {
	require.NoError(t, own.Start())
}

func noAction(*testing.T, *cluster.Server, *harness.Proxy) {}

var outages = []outage{
	{"stopped", time.Second, stopServer, startServer},
	{
		"unresponsive", 2 * time.Second,
		func(_ *testing.T, _ *cluster.Server, proxy *harness.Proxy) { proxy.BlackHole(true) },
		func(_ *testing.T, _ *cluster.Server, proxy *harness.Proxy) { proxy.BlackHole(false) },
	},
	{"disconnected repeatedly", 0, func(_ *testing.T, _ *cluster.Server, proxy *harness.Proxy) {
		for range 40 {
			proxy.Cut()
			time.Sleep(25 * time.Millisecond)
		}
	}, noAction},
}

// TestR52_PostgreSQLOutagesUnderLoad interrupts PostgreSQL repeatedly under load. Clients receive 503 with Retry-After
// within 2 s, the service recovers by itself, and no acknowledged write is lost.
func TestR52_PostgreSQLOutagesUnderLoad(t *testing.T) {
	t.Parallel()
	runOutages(t, outages[:soakValue(t, 2, len(outages))]...)
}

// TestR53_PostgreSQLRestartsUnderLoad restarts PostgreSQL under load, with the limits of R-52.
func TestR53_PostgreSQLRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	runOutages(t, outage{"restarted", 0, func(t *testing.T, own *cluster.Server, proxy *harness.Proxy) {
		stopServer(t, own, proxy)
		startServer(t, own, proxy)
	}, noAction})
}

func runOutages(t *testing.T, outages ...outage) {
	rounds := soakValue(t, 1, 10)
	for _, fault := range outages {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			own := databasetest.OwnPostgres(t)
			proxy := harness.NewProxy(t, own.Socket())
			p := newDefaultEnv(t).With("DATABASE_URL="+proxy.URL()+"&options=-c%20synchronous_commit%3Don",
				"AUDIT_CHECKPOINT_EVERY=1s")
			r := p.Start()
			c := harness.NewHTTPClient(t, r.WaitReady())
			c.SignUp()
			traffic := newLoad(c)
			traffic.start()
			for range rounds {
				traffic.testOutage(r, fault, own, proxy)
			}
			traffic.stop()
			requireCheckpoints(p, traffic)
			openDatabaseCheck(t, database.Config{URL: own.URL()}).requireAcknowledged(traffic)
			require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
			require.Equal(t, 0, r.Terminate().ExitCode)
			t.Logf("%d acknowledged writes, 0 lost;%s", traffic.acknowledged(), statuses(traffic.recorded()))
		})
	}
}

// testOutage causes one outage and asserts the responses.
func (l *load) testOutage(r *harness.Process, fault outage, own *cluster.Server, proxy *harness.Proxy) {
	t := l.T.(*testing.T)
	t.Helper()
	before := l.acknowledged()
	waitUntil(t, harness.Timeout, "no load", func() bool { return l.acknowledged() > before+50 })
	start := time.Now()
	fault.begin(t, own, proxy)
	time.Sleep(fault.duration)
	l.Call("GET", "/livez", nil, 200)
	fault.end(t, own, proxy)
	ended := time.Now()
	waitUntil(t, recoveryLimit()+quiet, "the service does not recover",
		func() bool { return l.acknowledgedSince(time.Now().Add(-quiet)) > 0 })
	l.Call("GET", "/readyz", nil, 200)

	slowest, last := time.Duration(0), ended
	for _, one := range l.recorded() {
		finished := one.at.Add(one.elapsed)
		if one.at.Before(start) && finished.Before(start) {
			continue
		}
		require.NoError(t, one.err, "%s: no response", one.what)
		slowest = max(slowest, one.elapsed)
		require.Less(t, one.elapsed, rejectionLimit(), "%s: %d after %s", one.what, one.Status, one.elapsed)
		if one.Status/100 == 2 {
			continue
		}
		// the first request still hangs
		inFlight := one.Status == 409 && one.Body["code"] == "idempotency_key_in_flight"
		require.True(t, one.Status == 503 || inFlight, "%d %v\n%s", one.Status, one.Body, logOf(r, one.Body))
		require.NotEmpty(t, one.RetryAfter, "%v", one.Body)
		last = latest(last, finished)
	}
	require.Less(t, last.Sub(ended), recoveryLimit(), "rejected after the recovery")
	t.Logf("responses within %s, recovered %s after the outage", slowest.Round(time.Millisecond),
		last.Sub(ended).Round(time.Millisecond))
}

// logOf returns the log lines about a response.
func logOf(r *harness.Process, response object) (lines string) {
	id, _ := response["request_id"].(string)
	for line := range strings.Lines(r.Stderr.String()) {
		if id != "" && strings.Contains(line, id) {
			lines += line
		}
	}
	return lines
}

// requireCheckpoints asserts that new entries of the trail still get into a checkpoint.
func requireCheckpoints(p harness.Env, traffic *load) {
	p.T.Helper()
	size := func() int {
		written, err := os.ReadFile(filepath.Join(p.Folder, "data", "audit-checkpoints.jsonl"))
		if !os.IsNotExist(err) { // the first one may not be due yet
			require.NoError(p.T, err)
		}
		return len(written)
	}
	before := size()
	traffic.AddPatient()
	waitUntil(p.T, 8*time.Second, "no new checkpoint", func() bool { return size() > before })
}

// acknowledgedSince returns the number of writes acknowledged after an instant, or 0 if a request failed since.
func (l *load) acknowledgedSince(since time.Time) (n int) {
	for _, one := range l.recorded() {
		switch {
		case one.at.Add(one.elapsed).Before(since):
		case one.Status/100 != 2:
			return 0
		case one.what != "read":
			n++
		}
	}
	return n
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
