package config_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMail(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))

	t.Run("secrets may be files and are never printed", func(t *testing.T) {
		c := load(t, "MAIL_URL_FILE", file(t, "smtp://clinic:hunter2hunter2@mail.clinic.example\n"),
			"MAIL_FROM", "Clinic <clinic@clinic.example>", "MAIL_DKIM_SELECTOR", "mail2026",
			"MAIL_DKIM_KEY_FILE", file(t, text))
		require.Equal(t, "smtp://clinic:hunter2hunter2@mail.clinic.example", c.MailURL.Reveal())
		require.Contains(t, text, c.MailDKIMKey.Reveal())
		printed := fmt.Sprintf("%v %+v %#v %v", c, c, c, c.Describe())
		require.NotContains(t, printed, "hunter2")
		require.NotContains(t, printed, c.MailDKIMKey.Reveal()[30:60])
	})
	t.Run("keys that belong together are required together", func(t *testing.T) {
		require.Contains(t, loadError(t, "MAIL_URL", "smtp://mail.clinic.example"),
			"mail_url (MAIL_URL): needs mail_from (MAIL_FROM), the address that messages are sent from")
		require.Contains(t, loadError(t, "MAIL_DKIM_KEY", text),
			"mail_dkim_key (MAIL_DKIM_KEY): needs mail_dkim_selector (MAIL_DKIM_SELECTOR)")
		require.Contains(t, loadError(t, "MAIL_DKIM_KEY", text, "MAIL_DKIM_SELECTOR", "mail2026"),
			"mail_dkim_selector (MAIL_DKIM_SELECTOR): needs mail_from (MAIL_FROM)")
	})
	t.Run("a server without TLS is a loopback host", func(t *testing.T) {
		from := []string{"MAIL_FROM", "clinic@clinic.example", "MAIL_URL"}
		load(t, append(from, "smtp://localhost:1025?tls=none")...)
		require.Contains(t, loadError(t, append(from, "smtp://u:hunter2@10.0.0.1?tls=none")...),
			"mail_url (MAIL_URL): must have a loopback host (localhost, 127.0.0.1 or ::1) with tls=none")
	})
	t.Run("files are in data_dir", func(t *testing.T) {
		require.Equal(t, "elsewhere/mail", load(t, "DATA_DIR", "elsewhere").MailFolder())
	})
}
