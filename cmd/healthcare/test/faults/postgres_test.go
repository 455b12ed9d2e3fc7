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

// Limits of while PostgreSQL is away, and after.
func refusedWithin() time.Duration { return limit(2*time.Second, 2800*time.Millisecond) }

func recoveredWithin() time.Duration { return limit(2*time.Second, 8*time.Second) }

const quiet = 500 * time.Millisecond // without a refusal: it has recovered

// outage is one way to lose PostgreSQL, and to get it back.
type outage struct {
	name       string
	lasts      time.Duration
	lose, find func(t *testing.T, own *cluster.Server, way *harness.Proxy)
}

func stopServer(t *testing.T, own *cluster.Server, _ *harness.Proxy) { require.NoError(t, own.Stop()) }

func startServer(t *testing.T, own *cluster.Server, _ *harness.Proxy) {
	require.NoError(t, own.Start())
}

func noAction(*testing.T, *cluster.Server, *harness.Proxy) {}

var outages = []outage{
	{"stopped", time.Second, stopServer, startServer},
	{"behind a black hole", 2 * time.Second, func(_ *testing.T, _ *cluster.Server,
		way *harness.Proxy) {
		way.BlackHole(true)
	},
		func(_ *testing.T, _ *cluster.Server, way *harness.Proxy) { way.BlackHole(false) }},
	{"cut off, again and again", 0, func(_ *testing.T, _ *cluster.Server, way *harness.Proxy) {
		for range 40 {
			way.Cut()
			time.Sleep(25 * time.Millisecond)
		}
	}, noAction},
}

// PostgreSQL goes away under load, in every way there is, again and again. A client receives in less than two
// seconds, a 503 with Retry-After; when it is back so is the service, by itself; and nothing that was
// acknowledged is lost.
func TestR52_PostgreSQLGoesAwayUnderLoad(t *testing.T) {
	t.Parallel()
	runOutages(t, outages[:soakValue(t, 2, len(outages))]...)
}

// R-53 is the same of a PostgreSQL that is back as soon as it has gone.
func TestR53_PostgreSQLIsRestartedUnderLoad(t *testing.T) {
	t.Parallel()
	runOutages(t, outage{"restarted", 0, func(t *testing.T, own *cluster.Server, way *harness.Proxy) {
		stopServer(t, own, way)
		startServer(t, own, way)
	}, noAction})
}

func runOutages(t *testing.T, outages ...outage) {
	rounds := soakValue(t, 1, 10)
	for _, fault := range outages {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			own := databasetest.OwnPostgres(t)
			way := harness.NewProxy(t, own.Socket())
			p := newDefaultEnv(t).With("DATABASE_URL="+way.URL()+"&options=-c%20synchronous_commit%3Don",
				"AUDIT_CHECKPOINT_EVERY=1s")
			r := p.Start()
			c := harness.NewHTTPClient(t, r.WaitReady())
			c.SignUp()
			said := newLoad(c)
			said.start()
			for range rounds {
				said.testOutage(r, fault, own, way)
			}
			said.stop()
			requireCheckpoints(p, said)
			openDatabaseCheck(t, database.Config{URL: own.URL()}).requireAcknowledged(said)
			require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
			require.Equal(t, 0, r.Terminate().ExitCode)
			t.Logf("%d acknowledged writes, 0 lost;%s", said.acknowledged(), statuses(said.recorded()))
		})
	}
}

// testOutage has the load go through one outage.
func (l *load) testOutage(r *harness.Process, fault outage, own *cluster.Server, way *harness.Proxy) {
	t := l.T.(*testing.T)
	t.Helper()
	before := l.acknowledged()
	waitUntil(t, harness.Timeout, "no load", func() bool { return l.acknowledged() > before+50 })
	lost := time.Now()
	fault.lose(t, own, way)
	time.Sleep(fault.lasts)
	l.Call("GET", "/livez", nil, 200)
	fault.find(t, own, way)
	found := time.Now()
	waitUntil(t, recoveredWithin()+quiet, "it does not recover",
		func() bool { return l.acknowledgedSince(time.Now().Add(-quiet)) > 0 })
	l.Call("GET", "/readyz", nil, 200)

	slowest, last := time.Duration(0), found
	for _, one := range l.recorded() {
		answered := one.at.Add(one.took)
		if one.at.Before(lost) && answered.Before(lost) {
			continue
		}
		require.NoError(t, one.err, "%s is not answered at all", one.what)
		slowest = max(slowest, one.took)
		require.Less(t, one.took, refusedWithin(), "%s: %d after %s", one.what, one.Status, one.took)
		if one.Status/100 == 2 {
			continue
		}
		// what hangs was not given up yet
		inFlight := one.Status == 409 && one.Body["code"] == "idempotency_key_in_flight"
		require.True(t, one.Status == 503 || inFlight, "%d %v\n%s", one.Status, one.Body, logOf(r, one.Body))
		require.NotEmpty(t, one.RetryAfter, "%v", one.Body)
		last = latest(last, answered)
	}
	require.Less(t, last.Sub(found), recoveredWithin(), "refused after it was back")
	t.Logf("answered within %s, well %s after it is back", slowest.Round(time.Millisecond),
		last.Sub(found).Round(time.Millisecond))
}

// logOf are the lines of the log about an answer.
func logOf(r *harness.Process, answer object) (lines string) {
	id, _ := answer["request_id"].(string)
	for line := range strings.Lines(r.Stderr.String()) {
		if id != "" && strings.Contains(line, id) {
			lines += line
		}
	}
	return lines
}

// requireCheckpoints asserts that the trail's keeper has come through too: what is recorded now gets into a checkpoint.
func requireCheckpoints(p harness.Env, said *load) {
	p.T.Helper()
	size := func() int {
		written, err := os.ReadFile(filepath.Join(p.Folder, "data", "audit-checkpoints.jsonl"))
		if !os.IsNotExist(err) { // the outage may be over before the first one is due
			require.NoError(p.T, err)
		}
		return len(written)
	}
	before := size()
	said.AddPatient()
	waitUntil(p.T, 8*time.Second, "no checkpoint any more", func() bool { return size() > before })
}

// acknowledgedSince is how many writes were acknowledged after an instant, 0 if anything was refused since.
func (l *load) acknowledgedSince(since time.Time) (n int) {
	for _, one := range l.recorded() {
		switch {
		case one.at.Add(one.took).Before(since):
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
