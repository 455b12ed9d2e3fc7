package faults

import (
	"bufio"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// mailWorkers is the number of messages that a process sends at once.
const mailWorkers = 4

// TestKillWhileSending kills the process at random times while it stores and sends messages about bookings. In the end
// every message of a committed booking has arrived, none of a booking that does not exist, and at most one for each
// kill and worker twice.
func TestKillWhileSending(t *testing.T) {
	t.Parallel()
	kills := soakValue(t, 10, 100)
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		server := newMailServer(t)
		p = p.With("MAIL_URL=smtp://"+server.address+"?tls=none", "MAIL_FROM=clinic@clinic.example",
			"PUBLIC_URL=https://clinic.example", "MAILS_PER_HOUR=0", "NOTIFICATION_DETAIL=time")
		store := openDatabaseCheck(t, db)
		var traffic *bookings
		for kill := range kills {
			r := p.Start()
			base := r.WaitReady()
			if kill == 0 {
				c := harness.NewHTTPClient(t, base)
				c.SignUp()
				traffic = newBookings(t, newLoad(c), store)
				_, err := store.pool.Exec(`UPDATE patients SET email = 'ben@example.org'`)
				require.NoError(t, err)
			} else {
				traffic.setURL(base)
			}
			enough := server.count() + 1 + rand.IntN(40)
			for range 4 {
				traffic.client(traffic.book)
			}
			waitUntil(t, harness.Timeout, "nothing is sent", func() bool { return server.count() >= enough })
			time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
			require.NoError(t, r.Cmd.Process.Kill())
			traffic.clients.Wait()
			<-r.Done
		}
		// The leases of the last process end after two minutes, which is too long for a test.
		_, err := store.pool.Exec(`UPDATE deliveries SET due_at = created_at
			WHERE state = 'pending' AND kind <> 'appointment.reminder'`)
		require.NoError(t, err)
		r := p.Start()
		r.WaitReady()
		waitUntil(t, harness.Timeout, "some messages are not sent", func() bool {
			return store.countRows(`SELECT count(*) FROM deliveries
				WHERE state = 'pending' AND kind <> 'appointment.reminder'`) == 0
		})
		require.Zero(t, store.countRows(`SELECT count(*) FROM appointments a WHERE 1 <> (
			SELECT count(*) FROM deliveries d
			WHERE d.subject_id = a.id AND d.kind = 'appointment.booked' AND d.state = 'sent')`),
			"a booking without its message")
		sent := store.sentDeliveries()
		repeated := 0
		for id, times := range server.all() {
			require.True(t, sent[id], "a message of no effect: %q", id)
			repeated += times - 1
		}
		require.Len(t, server.all(), len(sent), "a message is lost")
		require.LessOrEqual(t, repeated, kills*mailWorkers)
		require.Equal(t, 0, r.Terminate().ExitCode)
		t.Logf("%d kills, %d messages, 0 lost, 0 of no effect, %d twice", kills, len(sent), repeated)
	})
}

func (l databaseCheck) countRows(query string) (n int) {
	l.t.Helper()
	require.NoError(l.t, l.pool.QueryRow(query).Scan(&n))
	return n
}

// sentDeliveries returns the ids of the deliveries that were sent.
func (l databaseCheck) sentDeliveries() map[string]bool {
	l.t.Helper()
	rows, err := l.pool.Query(`SELECT id FROM deliveries WHERE state = 'sent'`)
	require.NoError(l.t, err)
	defer func() { _ = rows.Close() }()
	all := map[string]bool{}
	for rows.Next() {
		var id string
		require.NoError(l.t, rows.Scan(&id))
		all[id] = true
	}
	require.NoError(l.t, rows.Err())
	return all
}

// mailServer is an SMTP server that counts messages by the delivery in their Message-ID.
type mailServer struct {
	address string

	mu       sync.Mutex
	messages map[string]int
	total    int
}

func newMailServer(t *testing.T) *mailServer {
	s := &mailServer{messages: map[string]int{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{s}, nil }))
	server.Domain, server.ErrorLog = "mail.clinic.example", log.New(io.Discard, "", 0)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.address = listener.Addr().String()
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return s
}

func (s *mailServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

func (s *mailServer) all() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages
}

type mailSession struct{ server *mailServer }

func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }
func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (s mailSession) Data(content io.Reader) error {
	id := ""
	lines := bufio.NewScanner(content)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), "Message-ID: <"); found && id == "" {
			id, _, _ = strings.Cut(value, "@")
		}
	}
	if err := lines.Err(); err != nil { // the connection has ended in the message
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.messages[id]++
	s.server.total++
	return nil
}
