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

// TestR55_StopUnderLoadFailsNoRequest stops the program by SIGTERM while ten clients write and read on kept
// connections. Every request that was sent succeeds.
func TestR55_StopUnderLoadFailsNoRequest(t *testing.T) {
	t.Parallel()
	rounds := soakValue(t, 2, 50)
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		store := openDatabaseCheck(t, db)
		var traffic *load
		var slowest time.Duration
		var stops []time.Time
		for round := range rounds {
			r := p.Start()
			base := r.WaitReady()
			if round == 0 {
				c := harness.NewHTTPClient(t, base)
				c.SignUp()
				traffic = newLoad(c)
			}
			traffic.setURL(base)
			enough := traffic.acknowledged() + 50
			traffic.start()
			waitUntil(t, harness.Timeout, "nothing is acknowledged",
				func() bool { return traffic.acknowledged() >= enough })
			start := time.Now()
			stops = append(stops, start)
			require.Equal(t, 0, r.Terminate().ExitCode, "%s", r.Stderr.String())
			slowest = max(slowest, time.Since(start))
			traffic.clients.Wait()
		}
		require.Less(t, slowest, 25*time.Second)
		never, late := 0, 0
		for _, one := range traffic.recorded() {
			if errors.Is(one.err, syscall.ECONNREFUSED) {
				continue // after the stop
			}
			if one.NewConnection && errors.Is(one.err, syscall.ECONNRESET) {
				// The kernel had accepted the connection and the program had not, which closing cannot prevent.
				never++
				continue
			}
			if closedWhileIdle(one.err) && slices.ContainsFunc(stops, one.isAfterKeepAliveGrace) {
				late++
				continue
			}
			require.NoError(t, one.err, "%s at %s, stopped at %s", one.what, one.at, stops)
			require.Equal(t, 2, one.Status/100, "%s: %d %v", one.what, one.Status, one.Body)
		}
		store.requireAcknowledged(traffic)
		t.Logf("%d stops, %s at most; %d connections never accepted, %d requests after the keep-alive grace;%s", rounds,
			slowest.Round(time.Millisecond), never, late, statuses(traffic.recorded()))
	})
}

// closedWhileIdle reports whether a kept connection was closed before the server read any byte of the request (RFC
// 9112, section 9.3.1).
func closedWhileIdle(err error) bool {
	return errors.Is(err, io.EOF) || err != nil && strings.HasSuffix(err.Error(), "http: server closed idle connection")
}

// isAfterKeepAliveGrace reports whether a request began late in or after the 500 ms for which a stopping program waits
// for its idle connections. Half of that is slack for a client that waited for a core before it wrote the request.
func (one exchange) isAfterKeepAliveGrace(stop time.Time) bool {
	since := one.at.Sub(stop)
	return since > 250*time.Millisecond && since < 5*time.Second
}
