package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// TestMailsPerSecond measures how many messages a second the program sends to a server on the same machine, and that of
// several instances on one database each message is sent by one.
func TestMailsPerSecond(t *testing.T) {
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		messages := soakValue(t, 1000, 5000)
		server := newMailServer(t)
		p = p.With("MAIL_URL=smtp://"+server.address+"?tls=none", "MAIL_FROM=clinic@clinic.example")
		store := openDatabaseCheck(t, db)
		r := p.Start()
		c := harness.NewHTTPClient(t, r.WaitReady())
		c.SignUp()
		waitUntil(t, harness.Timeout, "the address is not verified", func() bool { return server.count() == 1 })
		require.Equal(t, 0, r.Terminate().ExitCode)

		instances := []int{1}
		if db.URL != "" {
			instances = append(instances, 3)
		}
		for _, n := range instances {
			store.addDeliveries(messages)
			before := server.count()
			var running []*harness.Process
			for range n {
				running = append(running, p.Start())
			}
			waitUntil(t, harness.Timeout, "nothing is sent", func() bool { return server.count() > before })
			first, start := server.count(), time.Now()
			waitUntil(t, 2*time.Minute, "some messages are not sent", func() bool {
				return server.count() >= before+messages
			})
			rate := float64(before+messages-first) / time.Since(start).Seconds()
			t.Logf("%d instances: %.0f messages a second", n, rate)
			require.Greater(t, rate, 30.0)
			for _, r := range running {
				require.Equal(t, 0, r.Terminate().ExitCode)
			}
			require.Equal(t, before+messages, server.count())
			for id, times := range server.all() {
				require.Equal(t, 1, times, id)
			}
			require.Zero(t, store.countRows(`SELECT count(*) FROM deliveries WHERE state <> 'sent'`))
		}
	})
}

// addDeliveries stores messages to the only user.
func (l databaseCheck) addDeliveries(n int) {
	l.t.Helper()
	const row = `('%s', 'mail', 'account.password-changed', 'user', '%s', '%s', 0, 'pending',
		'2026-01-01T00:00:00.000000Z', '2099-01-01T00:00:00.000000Z', 0, '', '2026-01-01T00:00:00.000000Z', NULL)`
	var user string
	require.NoError(l.t, l.pool.QueryRow(`SELECT id FROM users`).Scan(&user))
	var rows []string
	for range n {
		rows = append(rows, fmt.Sprintf(row, uuid.NewString(), user, user))
	}
	_, err := l.pool.Exec(`INSERT INTO deliveries (id, channel, kind, recipient_kind, recipient_id, subject_id,
		subject_version, state, due_at, give_up_at, attempts, last_error, created_at, ended_at)
		VALUES ` + strings.Join(rows, ", "))
	require.NoError(l.t, err)
}
