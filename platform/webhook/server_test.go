package webhook_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"healthcare/platform/clock"
	"healthcare/platform/webhook"
)

const host = "hooks.clinic.example"

// Addresses of receivers. Tests allow both, or only one.
const (
	local  = "127.0.0.1"
	second = "127.0.0.2"
)

// authority returns the issuer of the servers' certificates.
var authority = sync.OnceValues(func() (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	issuer, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return issuer, key
})

func roots() *x509.CertPool {
	issuer, _ := authority()
	pool := x509.NewCertPool()
	pool.AddCert(issuer)
	return pool
}

// serverTLS returns the configuration of a server with a certificate for name.
func serverTLS(t *testing.T, name string, until time.Time) *tls.Config {
	t.Helper()
	issuer, issuerKey := authority()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, IPAddresses: []net.IP{net.ParseIP(local)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	require.NoError(t, err)
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos: []string{"h2", "http/1.1"},
	}
}

func validTLS(t *testing.T) *tls.Config {
	t.Helper()
	return serverTLS(t, host, time.Now().Add(time.Hour))
}

// server accepts connections until the end of the test.
type server struct {
	port        string
	connections atomic.Int64
	open        atomic.Int64
}

// newServer starts a server on a local address. serve handles each connection, above TLS if there is a configuration.
func newServer(t *testing.T, address string, config *tls.Config, serve func(net.Conn)) *server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	s := &server{port: port}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			s.open.Add(1)
			running.Go(func() {
				defer s.open.Add(-1)
				defer conn.Close()
				if config != nil {
					conn = tls.Server(conn, config)
				}
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait() // the sender has closed each connection
	})
	return s
}

// newHTTPServer starts a server of HTTP on a local address.
func newHTTPServer(t *testing.T, address string, config *tls.Config, handler http.HandlerFunc) *server {
	t.Helper()
	return newServer(t, address, config, func(conn net.Conn) {
		single := &singleListener{conn: conn, done: make(chan struct{})}
		server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), ConnState: single.observe}
		_ = server.Serve(single)
	})
}

// singleListener accepts one connection, and ends once that is closed.
type singleListener struct {
	conn     net.Conn
	accepted bool
	done     chan struct{}
}

func (l *singleListener) Accept() (net.Conn, error) {
	if l.accepted {
		<-l.done
		return nil, net.ErrClosed
	}
	l.accepted = true
	return l.conn, nil
}

func (l *singleListener) observe(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		close(l.done)
	}
}

func (*singleListener) Close() error     { return nil }
func (l *singleListener) Addr() net.Addr { return l.conn.LocalAddr() }

func (s *server) url(path string) string { return "https://" + net.JoinHostPort(host, s.port) + path }

// readRequest reads a request up to the end of its header.
func readRequest(conn net.Conn) error {
	buffer := make([]byte, 4096)
	_, err := conn.Read(buffer)
	return err
}

// resolver answers look-ups in this process. It never uses the network.
type resolver struct {
	lookups atomic.Int64                                         // of A records
	answer  func(lookup int64, name string) []netip.Addr         // nil: the name does not exist
	dial    func(ctx context.Context) (conn net.Conn, err error) // nil: to this resolver
}

func resolveTo(addresses ...string) *net.Resolver {
	return (&resolver{answer: func(int64, string) []netip.Addr { return parseAll(addresses) }}).resolver()
}

func parseAll(texts []string) []netip.Addr {
	var addresses []netip.Addr
	for _, text := range texts {
		addresses = append(addresses, netip.MustParseAddr(text))
	}
	return addresses
}

func (r *resolver) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if r.dial != nil {
			return r.dial(ctx)
		}
		client, server := net.Pipe()
		go func() { _ = r.serve(server); _ = server.Close() }()
		return client, nil
	}}
}

// serve answers one query, framed as over TCP (RFC 1035, section 4.2.2).
func (r *resolver) serve(conn net.Conn) error {
	var size uint16
	if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
		return err
	}
	packed := make([]byte, size)
	if _, err := io.ReadFull(conn, packed); err != nil {
		return err
	}
	var query dnsmessage.Message
	if err := query.Unpack(packed); err != nil {
		return err
	}
	if len(query.Questions) != 1 {
		return errors.New("not one question")
	}
	question := query.Questions[0]
	lookup := r.lookups.Load()
	if question.Type == dnsmessage.TypeA {
		lookup = r.lookups.Add(1)
	}
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: query.ID, Response: true, RecursionAvailable: true},
		Questions: query.Questions,
	}
	addresses := r.answer(lookup, question.Name.String())
	if addresses == nil {
		reply.RCode = dnsmessage.RCodeNameError
	}
	for _, address := range addresses {
		header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
		switch {
		case address.Is4() && question.Type == dnsmessage.TypeA:
			reply.Answers = append(reply.Answers, dnsmessage.Resource{
				Header: header, Body: &dnsmessage.AResource{A: address.As4()},
			})
		case address.Is6() && question.Type == dnsmessage.TypeAAAA:
			reply.Answers = append(reply.Answers, dnsmessage.Resource{
				Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()},
			})
		}
	}
	packed, err := reply.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...))
	return err
}

// config returns a configuration that resolves every name to local, and allows only that address.
func config() webhook.Config {
	return webhook.Config{
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix(local + "/32")}, Timeout: 10 * time.Second,
		Resolver: resolveTo(local), RootCAs: roots(),
	}
}

func newSender(cfg webhook.Config) webhook.Sender { return webhook.NewSender(cfg, clock.New()) }
