package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/mail"
)

const mailPassword = "hunter2hunter2"

// mailSession accepts every message. The local part of a recipient selects another reply.
type mailSession struct {
	messages  chan<- string
	encrypted bool
}

func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }
func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch local, _, _ := strings.Cut(to, "@"); local {
	case "unknown":
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user " + to}
	case "later":
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted " + to}
	}
	return nil
}

func (s mailSession) AuthMechanisms() []string {
	if s.encrypted {
		return []string{"PLAIN"}
	}
	return nil
}

func (mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, password string) error {
		if password != mailPassword {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s mailSession) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	s.messages <- string(content)
	return err
}

// startMailServer starts an SMTP server and returns its address and its messages. It offers STARTTLS if it has a
// certificate.
func startMailServer(t *testing.T, certificates ...tls.Certificate) (address string, messages <-chan string) {
	t.Helper()
	all := make(chan string, 10)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return mailSession{all, len(certificates) > 0}, nil
	}))
	server.ErrorLog = log.New(io.Discard, "", 0)
	if len(certificates) > 0 {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: certificates}
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String(), all
}

var writtenTo = regexp.MustCompile(`^MAIL_URL is not set\. The message was written to (/.+\.eml)\n$`)

// newCertificate returns a certificate for 127.0.0.1 that is its own issuer, and the path of its file.
func newCertificate(t *testing.T, folder string) (certificate tls.Certificate, path string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	path = filepath.Join(folder, "issuer.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

func TestMailTest(t *testing.T) {
	t.Parallel()
	address, messages := startMailServer(t)
	p := harness.NewEnv(t).With("MAIL_FROM=Example Clinic <clinic@clinic.example>")
	unencrypted := p.With("MAIL_URL=smtp://" + address + "?tls=none")

	t.Run("sends a message and prints the result", func(t *testing.T) {
		t.Parallel()
		out := unencrypted.Run("mail", "test", "asha@clinic.example").ExpectSuccess()
		require.Regexp(t, `^127\.0\.0\.1:\d+ accepted the message [0-9a-f-]{36} \(no TLS, not signed with DKIM\)\n`+
			`Accepted is not delivered: look into the mailbox, and into its folder for spam\.\n$`, out)
		require.Contains(t, <-messages, "\r\nTo: <asha@clinic.example>\r\n")
	})
	t.Run("verifies the certificate, with an issuer of the operator", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t).With("MAIL_FROM=clinic@clinic.example")
		certificate, path := newCertificate(t, p.Folder)
		address, messages := startMailServer(t, certificate)
		p = p.With("MAIL_URL=smtp://clinic:" + mailPassword + "@" + address)
		p.Run("mail", "test", "asha@clinic.example").ExpectFailure(exitFailure, "or of an unknown issuer")
		p = p.With("SSL_CERT_FILE=" + path)
		accepted := p.Run("mail", "test", "asha@clinic.example").ExpectSuccess()
		require.Contains(t, accepted, "(STARTTLS, not signed with DKIM)")
		require.Contains(t, <-messages, "\r\nFrom: <clinic@clinic.example>\r\n")
		o := p.With("MAIL_URL=smtp://clinic:wrong@"+address).Run("mail", "test", "asha@clinic.example")
		o.ExpectFailure(exitFailure, "rejects the user or the password in MAIL_URL (535 5.7.8)")
	})
	t.Run("writes a file without a server and prints its path", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t)
		out := p.Run("mail", "test", "asha@clinic.example").ExpectSuccess()
		path := writtenTo.FindStringSubmatch(out)
		require.NotNil(t, path, "%s", out)
		require.Equal(t, filepath.Join(p.Folder, "data", "mail"), filepath.Dir(path[1]))
		content, err := os.ReadFile(path[1])
		require.NoError(t, err)
		require.Contains(t, string(content), "\r\nSubject: Test message\r\n")
	})
	withPassword := func(address string) harness.Env {
		return p.With("MAIL_URL=smtp://clinic:" + mailPassword + "@" + address)
	}
	for name, test := range map[string]struct {
		env      harness.Env
		to, want string
	}{
		"no STARTTLS": {withPassword(address), "asha", "does not offer STARTTLS, so nothing was sent: use smtps://"},
		"refused": {
			withPassword("127.0.0.1:1"), "asha", "refuses connections: check the host and the port in MAIL_URL",
		},
		"no such name": {
			withPassword(strings.Repeat("x", 64) + ".invalid"), "asha", // needs no DNS
			"has no address in the DNS: check the host in MAIL_URL",
		},
		"unknown": {unencrypted, "unknown", "rejects the recipient: check the address, and that MAIL_URL has the user"},
		"later":   {unencrypted, "later", "postponed the message: try again in a few minutes (451 4.7.1)"},
		"invalid": {unencrypted, "asha rao", "the argument is not an e-mail address such as asha@clinic.example"},
		"no mechanism": {
			p.With("MAIL_URL=smtp://clinic:" + mailPassword + "@" + address + "?tls=none"), "asha",
			"offers no known way to authenticate",
		},
	} {
		t.Run("explains "+name, func(t *testing.T) {
			t.Parallel()
			o := test.env.Run("mail", "test", test.to+"@patients.example")
			o.ExpectFailure(exitFailure, "the message was not sent: ")
			require.Contains(t, o.Stderr, test.want)
			require.Len(t, o.StderrLines(), 1)
			require.NotContains(t, o.Stdout+o.Stderr, mailPassword)
			require.NotContains(t, o.Stdout+o.Stderr, "patients.example")
		})
	}
	t.Run("is followed by no password in the output of doctor", func(t *testing.T) {
		t.Parallel()
		o := withPassword("mail.clinic.example").With("MAIL_DKIM_SELECTOR=mail2026").Run("doctor")
		require.NotContains(t, o.Stdout+o.Stderr, mailPassword)
		require.Contains(t, o.Stdout, "mail_dkim_selector (MAIL_DKIM_SELECTOR): needs mail_dkim_key")
		o = withPassword("mail.clinic.example").Run("doctor")
		require.NotContains(t, o.Stdout+o.Stderr, mailPassword)
		require.Contains(t, o.Stdout, "mail_from, mail_url")
	})
	t.Run("rejects a server beyond loopback without TLS", func(t *testing.T) {
		t.Parallel()
		o := p.With("MAIL_URL=smtp://clinic:"+mailPassword+"@10.0.0.1?tls=none").Run("mail", "test", "asha@clinic.example")
		o.ExpectFailure(exitConfig, "configuration: mail_url (MAIL_URL): must have a loopback host")
		require.NotContains(t, o.Stderr, mailPassword)
	})
}

// Every code and step has a sentence that begins with its subject and names no constant by mistake.
func TestMailRemedies(t *testing.T) {
	t.Parallel()
	server := mail.Server{Host: "mail.clinic.example", Port: "587"}
	seen := map[string]string{}
	for name, failure := range map[string]*mail.Error{
		"timeout":     {Step: mail.StepConnect, Code: mail.CodeTimeout},
		"certificate": {Step: mail.StepTLS, Code: mail.CodeCertificate},
		"TLS":         {Step: mail.StepTLS, Code: mail.CodeTLS},
		"password":    {Step: mail.StepAuth, Code: "535 5.7.8"},
		"sender":      {Step: mail.StepMail, Code: "553 5.7.1"},
		"recipient":   {Failure: mail.Permanent, Step: mail.StepRcpt, Code: "550 5.1.1"},
		"content":     {Failure: mail.Permanent, Step: mail.StepData, Code: "554 5.7.1"},
		"closed":      {Step: mail.StepData, Code: mail.CodeClosed},
		"postponed":   {Step: mail.StepMail, Code: "421"},
		"no UTF-8":    {Failure: mail.Permanent, Step: mail.StepMail, Code: mail.CodeNoUTF8},
		"cancelled":   {Step: mail.StepConnect, Code: mail.CodeCancelled},
	} {
		remedy := mailRemedy(failure, server)
		require.Regexp(t, `^(mail\.clinic\.example:587|the) .{15,230}[^.]$`, remedy)
		require.Empty(t, seen[remedy], "%s has the same remedy", name)
		seen[remedy] = name
	}
}
