package mail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"healthcare/platform/keyfile"
	"healthcare/platform/mail"
)

const (
	user     = "clinic"
	password = "pa55-w0rd-canary"
)

// received is a message that the server has read.
type received struct {
	from, to, content string
	utf8, encrypted   bool
}

// server is an SMTP server in this process. Its functions replace replies.
type server struct {
	*smtp.Server
	address    string
	mechanisms []string
	stalled    chan struct{} // closed at the end of the test

	onMail func(from string) error
	onRcpt func(to string) error
	onData func(c *smtp.Conn) error // after it has read the message

	mu          sync.Mutex
	messages    []received
	connections int // since the start
	open        int
}

// newServer starts a server. adjust is called before it.
func newServer(t *testing.T, adjust func(*server)) *server {
	t.Helper()
	s := &server{stalled: make(chan struct{})}
	s.Server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: c}, nil
	}))
	s.Domain, s.ErrorLog = "mail.clinic.example", log.New(io.Discard, "", 0)
	s.TLSConfig = serverTLS(t, "127.0.0.1")
	if adjust != nil {
		adjust(s)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.address = listener.Addr().String()
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(&countingListener{listener, s}) }()
	t.Cleanup(func() {
		close(s.stalled)
		_ = s.Server.Close()
		<-done
	})
	return s
}

// received returns the messages that the server has read.
func (s *server) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages
}

// counts returns the number of connections since the start, and of those that are open.
func (s *server) counts() (all, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections, s.open
}

// countingListener counts connections. With implicitTLS they are encrypted from the first byte on.
type countingListener struct {
	net.Listener
	server *server
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.server.mu.Lock()
	l.server.connections, l.server.open = l.server.connections+1, l.server.open+1
	l.server.mu.Unlock()
	counted := &countedConn{Conn: conn, server: l.server}
	if l.server.Addr == implicitTLS {
		return tls.Server(counted, l.server.TLSConfig), nil
	}
	return counted, nil
}

// implicitTLS as the unused field Addr makes a server encrypt from the first byte on.
const implicitTLS = "smtps"

type countedConn struct {
	net.Conn
	server *server
	once   sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() {
		c.server.mu.Lock()
		c.server.open--
		c.server.mu.Unlock()
	})
	return c.Conn.Close()
}

// session is one connection.
type session struct {
	server *server
	conn   *smtp.Conn
	now    received
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

func (s *session) Mail(from string, options *smtp.MailOptions) error {
	_, encrypted := s.conn.TLSConnectionState()
	s.now = received{from: from, utf8: options.UTF8, encrypted: encrypted}
	if s.server.onMail != nil {
		return s.server.onMail(from)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.now.to = to
	if s.server.onRcpt != nil {
		return s.server.onRcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.onData != nil {
		if err := s.server.onData(s.conn); err != nil {
			return err
		}
	}
	s.now.content = string(content)
	s.server.mu.Lock()
	s.server.messages = append(s.server.messages, s.now)
	s.server.mu.Unlock()
	return nil
}

func (s *session) AuthMechanisms() []string { return s.server.mechanisms }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(name, pass string) error {
		if name != user || pass != password {
			return smtp.ErrAuthFailed
		}
		return nil
	}
	if mechanism == "LOGIN" {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, name, pass string) error { return check(name, pass) }), nil
}

// loginServer is the mechanism LOGIN.
type loginServer struct {
	answers []string
	check   func(name, pass string) error
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response != nil {
		l.answers = append(l.answers, string(response))
	}
	switch len(l.answers) {
	case 0:
		return []byte("Username:"), false, nil
	case 1:
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.answers[0], l.answers[1])
}

// reply returns an error that quotes the recipient, as servers do.
func reply(code int, enhanced smtp.EnhancedCode, quoted string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "refused: " + quoted}
}

var errDropped = errors.New("the connection was dropped")

// authority issues the certificates of the tests.
var authority = sync.OnceValues(func() (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return certificate, key
})

// roots returns the pool with the authority.
func roots() *x509.CertPool {
	pool := x509.NewCertPool()
	certificate, _ := authority()
	pool.AddCert(certificate)
	return pool
}

// serverTLS returns the configuration of a server with a certificate for an address.
func serverTLS(t *testing.T, address string) *tls.Config {
	t.Helper()
	issuer, issuerKey := authority()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.ParseIP(address)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	require.NoError(t, err)
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}
}

// config returns a configuration for the server.
func (s *server) config(scheme, credentials, query string) mail.Config {
	return mail.Config{
		URL:     keyfile.Secret(scheme + "://" + credentials + s.address + query),
		From:    "Example Clinic <clinic@clinic.example>",
		Timeout: 20 * time.Second,
		RootCAs: roots(),
	}
}
