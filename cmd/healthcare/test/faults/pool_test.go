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

// TestR54_PoolExhausted holds all connections that can write. Later requests wait 500 ms and receive 503 with
// Retry-After. Requests that need no store are served, and the program recovers when the connections are released.
func TestR54_PoolExhausted(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		acquire, slack := 500*time.Millisecond, limit(400*time.Millisecond, 2*time.Second)
		r := p.With("DATABASE_ACQUIRE_TIMEOUT=500ms", "DATABASE_POOL_SIZE=2").Start()
		c := harness.NewHTTPClient(t, r.WaitReady())
		c.SignUp()
		release := openDatabaseCheck(t, db).blockWriters()
		traffic := newLoad(c)
		for range 2 { // one for each connection; SQLite has one writer
			traffic.addOnce("hang", "/api/doctors/",
				object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9})
		}
		time.Sleep(200 * time.Millisecond) // until they hang
		for range 20 {
			traffic.addOnce("wait", "/api/patients/", harness.VermaPatient)
		}
		anonymous := harness.NewHTTPClient(t, c.URL)
		for range 20 {
			start := time.Now()
			anonymous.Call("GET", "/livez", nil, 200)
			anonymous.Call("GET", "/openapi.json", nil, 200)
			anonymous.Call("GET", "/api/patients/", nil, 401)
			anonymous.Call("POST", "/api/auth/login/", object{"email": 1}, 400)
			anonymous.Call("GET", "/nowhere/", nil, 404)
			require.Less(t, time.Since(start), acquire+slack, "requests without a store are delayed")
		}
		time.Sleep(acquire + slack)
		release()
		traffic.clients.Wait()
		c.AddPatient()
		for _, one := range traffic.recorded() {
			require.NoError(t, one.err, one.what)
			if one.what == "hang" {
				require.Contains(t, []int{201, 503}, one.Status, "%v", one.Body)
				continue
			}
			require.Equal(t, 503, one.Status, "%v", one.Body)
			require.NotEmpty(t, one.RetryAfter)
			require.InDelta(t, acquire.Seconds(), one.elapsed.Seconds(), slack.Seconds())
		}
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
}

// addOnce sends one request in the background.
func (l *load) addOnce(what, path string, body object) {
	l.clients.Go(func() { _, _ = l.sendRecorded(what, "POST", path, body) })
}

// blockWriters locks the tables that writers need until release, like an uncommitted transaction of an operator.
func (l databaseCheck) blockWriters() (release func()) {
	l.t.Helper()
	ctx := context.Background()
	conn, err := l.pool.Conn(ctx)
	require.NoError(l.t, err)
	if _, err = conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil { // PostgreSQL rejects it
		tx, err := conn.BeginTx(ctx, nil)
		require.NoError(l.t, err)
		_, err = tx.Exec(`LOCK TABLE doctors, audit_inbox IN ACCESS EXCLUSIVE MODE`)
		require.NoError(l.t, err)
		return func() { require.NoError(l.t, tx.Rollback()) }
	}
	return sync.OnceFunc(func() {
		_, err := conn.ExecContext(ctx, `ROLLBACK`)
		require.NoError(l.t, err)
		require.NoError(l.t, conn.Close())
	})
}
