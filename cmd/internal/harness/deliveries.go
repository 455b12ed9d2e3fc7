package harness

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/keyring"
)

// waitForMail waits until the service has settled every message that is due, and so changes no row by itself.
func (s *Service) waitForMail(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		var open []string
		found := s.DB.Write(t.Context()).Raw(`SELECT id FROM deliveries
			WHERE channel = 'mail' AND state = 'pending' AND (due_at <= ? OR attempts > 0) LIMIT 1`,
			database.At(s.clock.Now()))
		require.NoError(t, found.Scan(&open).Error)
		return len(open) == 0
	}, Timeout, 5*time.Millisecond, "messages are not sent")
}

// Mails returns the messages that the service has written so far, once all that are due are written: header and texts,
// without their encoding.
func (s *Service) Mails(t *testing.T) (all []string) {
	t.Helper()
	s.waitForMail(t)
	files, err := filepath.Glob(filepath.Join(s.MailFolder, "*.eml"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		header, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
		decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		require.NoError(t, err)
		all = append(all, string(header)+"\n\n"+string(decoded))
	}
	return all
}

// AddDeliveries adds a delivery that was given up, one that is due much later, and the link in a message.
func (c *Client) AddDeliveries(known Object) {
	c.T.Helper()
	later := time.Now().AddDate(70, 0, 0)
	insert := func(state string, due, ended database.Time) string {
		id := uuid.NewString()
		require.NoError(c.T, c.Service.DB.Write(c.T.Context()).Exec(`INSERT INTO deliveries (id, channel, kind,
			recipient_kind, recipient_id, subject_id, subject_version, state, due_at, give_up_at, attempts, last_error,
			created_at, ended_at)
			VALUES (?, 'mail', 'account.password-changed', 'user', ?, ?, 0, ?, ?, ?, 0, '', ?, ?)`,
			id, c.UserID(), c.UserID(), state, due, database.At(later), database.At(time.Now()), ended).Error)
		return id
	}
	known["delivery"] = insert("dead", database.Time{}, database.At(time.Now()))
	known["pending_delivery"] = insert("pending", database.At(later), database.Time{})
	known["unsubscribe_link"] = c.Service.unsubscribeLink(c.T, c.UserID())
}

// limitWebhooks deletes all webhooks but the oldest and the newest 20, because a service has at most 50.
func (s *Service) limitWebhooks(t testing.TB) {
	t.Helper()
	require.NoError(t, s.DB.Write(t.Context()).Exec(`DELETE FROM webhook_endpoints WHERE id NOT IN
		(SELECT id FROM webhook_endpoints ORDER BY created_at DESC, id DESC LIMIT 20) AND id NOT IN
		(SELECT id FROM webhook_endpoints ORDER BY created_at, id LIMIT 20)`).Error)
}

// unsubscribeLink returns a link as in the messages of releases.
func (s *Service) unsubscribeLink(t testing.TB, user string) string {
	const kind = "appointment.booked"
	keys, err := keyring.New([]byte(secretKey))
	require.NoError(t, err)
	recipient := uuid.MustParse(user)
	hash := hmac.New(sha256.New, keys.Newest("unsubscribe").Secret)
	_, _ = hash.Write(append(recipient[:], kind...))
	return kind + "." + base64.RawURLEncoding.EncodeToString(append(recipient[:], hash.Sum(nil)[:16]...))
}
