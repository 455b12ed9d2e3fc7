package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// every connection that may write is taken by work that hangs. Who comes after waits half a second and is told to come back; what needs no
// store goes on; and when the work is over so is the fault. Only the time that the work itself may hang is longer here than what ships.
func TestR54_PoolExhausted(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, db database.Config) {
		const acquire, slack = 500 * time.Millisecond, 400 * time.Millisecond
		r := p.with("DATABASE_ACQUIRE_TIMEOUT=500ms", "DATABASE_POOL_SIZE=2").start()
		c := newCaller(t, r.ready())
		c.signUp()
		letGo := openLedger(t, db).takeAll()
		var hanging sync.WaitGroup
		for range 2 { // as many as there are connections; SQLite has one writer, which the first one takes
			hanging.Go(func() {
				status, answer, err := c.try("POST", "/api/doctors/", object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9})
				require.NoError(c.t, err)
				require.Contains(c.t, []int{201, 503}, status, "%v", answer)
			})
		}
		time.Sleep(200 * time.Millisecond) // until they hang

		var waiting sync.WaitGroup
		for range 20 {
			waiting.Go(func() {
				began := time.Now()
				said, err := c.send("POST", "/api/patients/", verma)
				took := time.Since(began)
				require.NoError(c.t, err)
				require.Equal(c.t, 503, said.status, "%v", said.answer)
				require.NotEmpty(c.t, said.retryAfter)
				require.Less(c.t, took, acquire+slack)
				require.Greater(c.t, took, acquire-50*time.Millisecond)
			})
		}
		stranger := newCaller(t, c.base)
		for range 20 {
			began := time.Now()
			stranger.call("GET", "/livez", nil, 200)
			stranger.call("GET", "/openapi.json", nil, 200)
			stranger.call("GET", "/api/patients/", nil, 401)
			stranger.call("POST", "/api/auth/login/", object{"email": 1}, 400)
			stranger.call("GET", "/nowhere/", nil, 404)
			require.Less(t, time.Since(began), acquire, "what needs no store waits for it")
		}
		waiting.Wait()
		letGo()
		hanging.Wait()
		c.addPatient()
		require.Equal(t, 0, r.terminate().code)
	})
}

// takeAll holds what writers need, as an operator's session may that forgot to commit, until it is let go.
func (l ledger) takeAll() (letGo func()) {
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
