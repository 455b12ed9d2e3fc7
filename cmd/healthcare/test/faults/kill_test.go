package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// readyAgain is how long a start may take after a kill, the repair of the store included.
func readyAgain() time.Duration { return limit(3*time.Second, 15*time.Second) }

// the process is killed while seven clients write and three read, at any moment. Every acknowledged write is
// there after the next start, nothing is there by half, the trail verifies, and what was not acknowledged has one
// effect when it is repeated.
func TestR50_KillUnderLoadLosesNoWrite(t *testing.T) {
	t.Parallel()
	kills := soakValue(t, 3, 50)
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		p = p.With("DATABASE_SLOW_QUERY=0s") // audit verify logs slow statements
		store := openDatabaseCheck(t, db)
		var said *load
		var slowest time.Duration
		for kill := range kills {
			r := p.Start()
			base := r.WaitReady()
			if kill == 0 {
				c := harness.NewHTTPClient(t, base)
				c.SignUp()
				said = newLoad(c)
			} else {
				slowest = max(slowest, time.Since(r.Started))
				require.Less(t, time.Since(r.Started), readyAgain())
				said.setURL(base)
				store.requireAcknowledged(said)
				require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
			}
			enough := said.acknowledged() + 1 + rand.IntN(100)
			said.start()
			waitUntil(t, harness.Timeout, "nothing is acknowledged",
				func() bool { return said.acknowledged() >= enough })
			time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond) // into the middle of whatever is going on
			require.NoError(t, r.Cmd.Process.Kill())
			said.clients.Wait()
			<-r.Done
			if kill%10 == 9 {
				t.Logf("%d kills, %d acknowledged writes", kill+1, said.acknowledged())
			}
		}
		r := p.Start()
		said.setURL(r.WaitReady())
		for owed := len(said.owed); owed > 0; owed-- { // what was cut off is repeated, and acknowledged
			require.NoError(t, said.add())
		}
		require.Empty(t, said.owed)
		store.requireAcknowledged(said)
		require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
		require.Equal(t, 0, r.Terminate().ExitCode)
		t.Logf("%d kills, %d acknowledged writes, 0 lost; ready again in %s at most;%s", kills, said.acknowledged(),
			slowest.Round(time.Millisecond), statuses(said.recorded()))
	})
}
