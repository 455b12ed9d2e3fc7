package faults

import (
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// SIGTERM while ten clients write and read on connections that they keep. Every request that was sent is
// answered, as it would have been; after the stop there is nobody to connect to.
func TestR55_StopUnderLoadFailsNoRequest(t *testing.T) {
	t.Parallel()
	rounds := soakValue(t, 2, 50)
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		store := openDatabaseCheck(t, db)
		var said *load
		var slowest time.Duration
		var stops []time.Time
		for round := range rounds {
			r := p.Start()
			base := r.WaitReady()
			if round == 0 {
				c := harness.NewHTTPClient(t, base)
				c.SignUp()
				said = newLoad(c)
			}
			said.setURL(base)
			enough := said.acknowledged() + 50
			said.start()
			waitUntil(t, harness.Timeout, "nothing is acknowledged",
				func() bool { return said.acknowledged() >= enough })
			began := time.Now()
			stops = append(stops, began)
			require.Equal(t, 0, r.Terminate().ExitCode, "%s", r.Stderr.String())
			slowest = max(slowest, time.Since(began))
			said.clients.Wait()
		}
		require.Less(t, slowest, 25*time.Second)
		never, late := 0, 0
		for _, one := range said.recorded() {
			if errors.Is(one.err, syscall.ECONNREFUSED) {
				continue // after the end
			}
			if one.NewConnection && errors.Is(one.err, syscall.ECONNRESET) {
				// the kernel had accepted the connection, the program had not: there is no closing without this instant
				never++
				continue
			}
			if closedWhileSilent(one.err) && slices.ContainsFunc(stops, one.isAfterKeepAliveGrace) {
				late++
				continue
			}
			require.NoError(t, one.err, "%s at %s, stopped at %s", one.what, one.at, stops)
			require.Equal(t, 2, one.Status/100, "%s: %d %v", one.what, one.Status, one.Body)
		}
		store.requireAcknowledged(said)
		t.Logf("%d stops, %s at most; %d connections never accepted, %d requests after the keep-alive grace;%s", rounds,
			slowest.Round(time.Millisecond), never, late, statuses(said.recorded()))
	})
}

// closedWhileSilent reports whether a kept connection was closed before anything of the request was read (RFC 9112,
// section 9.3.1).
func closedWhileSilent(err error) bool {
	return errors.Is(err, io.EOF) || err != nil && strings.HasSuffix(err.Error(), "http: server closed idle connection")
}

// isAfterKeepAliveGrace reports whether a request was sent when a stopping program had nearly waited for its silent
// connections, half a second. The other half of that is for a client that was kept waiting for a core before it wrote
// what it had begun.
func (one exchange) isAfterKeepAliveGrace(stop time.Time) bool {
	since := one.at.Sub(stop)
	return since > 250*time.Millisecond && since < 5*time.Second
}
