package faults

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// every connection that may write is taken by work that hangs. A later request waits half a second and is asked
// to come back; what needs no store goes on; and when the work is over so is the fault. Only the time that the work
// itself may hang is longer here than what ships.
func TestR54_PoolExhausted(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		acquire, slack := 500*time.Millisecond, limit(400*time.Millisecond, 2*time.Second)
		r := p.With("DATABASE_ACQUIRE_TIMEOUT=500ms", "DATABASE_POOL_SIZE=2").Start()
		c := harness.NewHTTPClient(t, r.WaitReady())
		c.SignUp()
		letGo := openDatabaseCheck(t, db).takeAllConnections()
		said := newLoad(c)
		for range 2 { // as many as there are connections; SQLite has one writer, which the first one takes
			said.addOnce("hang", "/api/doctors/",
				object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9})
		}
		time.Sleep(200 * time.Millisecond) // until they hang
		for range 20 {
			said.addOnce("wait", "/api/patients/", harness.VermaPatient)
		}
		stranger := harness.NewHTTPClient(t, c.URL)
		for range 20 {
			began := time.Now()
			stranger.Call("GET", "/livez", nil, 200)
			stranger.Call("GET", "/openapi.json", nil, 200)
			stranger.Call("GET", "/api/patients/", nil, 401)
			stranger.Call("POST", "/api/auth/login/", object{"email": 1}, 400)
			stranger.Call("GET", "/nowhere/", nil, 404)
			require.Less(t, time.Since(began), acquire+slack, "what needs no store waits for it")
		}
		time.Sleep(acquire + slack)
		letGo()
		said.clients.Wait()
		c.AddPatient()
		for _, one := range said.recorded() {
			require.NoError(t, one.err, one.what)
			if one.what == "hang" {
				require.Contains(t, []int{201, 503}, one.Status, "%v", one.Body)
				continue
			}
			require.Equal(t, 503, one.Status, "%v", one.Body)
			require.NotEmpty(t, one.RetryAfter)
			require.InDelta(t, acquire.Seconds(), one.took.Seconds(), slack.Seconds())
		}
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
}

// addOnce sends one request that is not waited for.
func (l *load) addOnce(what, path string, body object) {
	l.clients.Go(func() { _, _ = l.sendRecorded(what, "POST", path, body) })
}

// takeAllConnections holds what writers need, as an operator's session may that forgot to commit, until it is let go.
func (l databaseCheck) takeAllConnections() (letGo func()) {
	l.t.Helper()
	ctx := context.Background()
	conn, err := l.pool.Conn(ctx)
	require.NoError(l.t, err)
	if _, err = conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil { // only SQLite knows it
		tx, err := conn.BeginTx(ctx, nil)
		require.NoError(l.t, err)
		_, err = tx.Exec(`LOCK TABLE doctors, audit_heads IN ACCESS EXCLUSIVE MODE`)
		require.NoError(l.t, err)
		return func() { require.NoError(l.t, tx.Rollback()) }
	}
	return sync.OnceFunc(func() {
		_, err := conn.ExecContext(ctx, `ROLLBACK`)
		require.NoError(l.t, err)
		require.NoError(l.t, conn.Close())
	})
}
