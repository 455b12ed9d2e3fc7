package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// restartLimit returns the longest time of a start after a kill, with the repair of the store.
func restartLimit() time.Duration { return limit(3*time.Second, 15*time.Second) }

// TestR50_KillUnderLoadLosesNoWrite kills the process at random times while seven clients write and three read. After
// the next start the store has every acknowledged write and no partial one, and the trail verifies. A repeated request
// that was not acknowledged has one effect.
func TestR50_KillUnderLoadLosesNoWrite(t *testing.T) {
	t.Parallel()
	kills := soakValue(t, 3, 50)
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		p = p.With("DATABASE_SLOW_QUERY=0s") // audit verify logs slow statements
		store := openDatabaseCheck(t, db)
		var traffic *load
		var slowest time.Duration
		for kill := range kills {
			r := p.Start()
			base := r.WaitReady()
			if kill == 0 {
				c := harness.NewHTTPClient(t, base)
				c.SignUp()
				traffic = newLoad(c)
			} else {
				slowest = max(slowest, time.Since(r.Started))
				require.Less(t, time.Since(r.Started), restartLimit())
				traffic.setURL(base)
				store.requireAcknowledged(traffic)
				require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
			}
			enough := traffic.acknowledged() + 1 + rand.IntN(100)
			traffic.start()
			waitUntil(t, harness.Timeout, "nothing is acknowledged",
				func() bool { return traffic.acknowledged() >= enough })
			time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond) // kills at a random time
			require.NoError(t, r.Cmd.Process.Kill())
			traffic.clients.Wait()
			<-r.Done
			if kill%10 == 9 {
				t.Logf("%d kills, %d acknowledged writes", kill+1, traffic.acknowledged())
			}
		}
		r := p.Start()
		traffic.setURL(r.WaitReady())
		for n := len(traffic.pending); n > 0; n-- { // repeats the requests without a response
			require.NoError(t, traffic.add())
		}
		require.Empty(t, traffic.pending)
		store.requireAcknowledged(traffic)
		require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
		require.Equal(t, 0, r.Terminate().ExitCode)
		t.Logf("%d kills, %d acknowledged writes, 0 lost; restarts in %s at most;%s", kills, traffic.acknowledged(),
			slowest.Round(time.Millisecond), statuses(traffic.recorded()))
	})
}
