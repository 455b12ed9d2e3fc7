package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// smtpSender sends messages to a server. It runs each step of the protocol itself. The client of go-mail leaves a
// connection open if its greeting fails, ignores the context while it sends, and its errors contain the recipient.
type smtpSender struct {
	*composer
	server  Server
	tls     *tls.Config
	timeout time.Duration
	conn    net.Conn     // below TLS; nil: not connected
	client  *smtp.Client // nil until the server is ready for messages
}

func newSMTPSender(writer *composer, server Server, cfg Config) Sender {
	timeout := cfg.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &smtpSender{
		composer: writer, server: server, timeout: timeout,
		tls: &tls.Config{ServerName: server.Host, RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
	}
}

func (s *smtpSender) Send(ctx context.Context, m Message) error {
	l, err := s.compose(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	kept := s.client != nil
	failure := s.attempt(ctx, l)
	if kept && failure != nil && failure.Failure == Channel && failure.Step != StepData && ctx.Err() == nil {
		// Servers close connections that were idle or have carried many messages. Nothing was sent yet.
		failure = s.attempt(ctx, l)
	}
	if failure == nil {
		return nil
	}
	if failure.Failure == Channel && errors.Is(ctx.Err(), context.Canceled) {
		failure.Code = CodeCancelled
	}
	return failure
}

// attempt sends a message on the kept connection, or on a new one. It closes a connection that cannot be used again.
func (s *smtpSender) attempt(ctx context.Context, l letter) *Error {
	if s.conn == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.server.Address())
		if err != nil {
			return newError(StepConnect, err)
		}
		s.conn = conn
	}
	release := interruptAtEnd(ctx, s.conn)
	failure := s.exchange(ctx, l)
	if !release() || failure != nil && failure.Failure == Channel {
		s.drop()
	}
	return failure
}

// interruptAtEnd makes reads and writes of conn fail when the context ends. The returned function reports whether that
// has not happened, and stops it.
func interruptAtEnd(ctx context.Context, conn net.Conn) func() bool {
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

func (s *smtpSender) exchange(ctx context.Context, l letter) *Error {
	if s.client == nil {
		if failure := s.signIn(ctx); failure != nil {
			return failure
		}
	}
	failure := s.transmit(l)
	if failure != nil && failure.Failure != Channel && s.client.Reset() != nil {
		s.drop() // the failure remains that of the recipient
	}
	return failure
}

// signIn makes a new connection ready for messages: encrypted, and authenticated if there is a user.
func (s *smtpSender) signIn(ctx context.Context) *Error {
	conn := s.conn
	if s.server.Security == ImplicitTLS {
		encrypted := tls.Client(conn, s.tls)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return newError(StepTLS, err)
		}
		conn = encrypted
	}
	client, err := smtp.NewClient(conn, s.server.Host)
	if err != nil {
		return newError(StepGreeting, err)
	}
	acceptBareReplies(client.Text)
	if err := client.Hello(s.domain); err != nil {
		return newError(StepGreeting, err)
	}
	if s.server.Security == STARTTLS {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return &Error{Step: StepTLS, Code: CodeNoSTARTTLS}
		}
		if err := client.StartTLS(s.tls); err != nil {
			return newError(StepTLS, err)
		}
		acceptBareReplies(client.Text)
	}
	if s.server.User != "" {
		auth := s.mechanism(client)
		if auth == nil {
			return &Error{Step: StepAuth, Code: CodeNoMechanism}
		}
		if err := client.Auth(auth); err != nil {
			return newError(StepAuth, err)
		}
	}
	s.client = client
	return nil
}

// mechanism returns the first known mechanism that the server offers, or nil. The connection is encrypted or does not
// leave the machine, so PLAIN is first: it is the one that servers support best.
func (s *smtpSender) mechanism(client *smtp.Client) smtp.Auth {
	_, list := client.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(list))
	user, password, host := s.server.User, s.server.Password.Reveal(), s.server.Host
	local := s.server.Security == Unencrypted
	switch {
	case slices.Contains(offered, "PLAIN"):
		return smtp.PlainAuth("", user, password, host, local)
	case slices.Contains(offered, "LOGIN"):
		return smtp.LoginAuth(user, password, host, local)
	case slices.Contains(offered, "SCRAM-SHA-256"):
		return smtp.ScramSHA256Auth(user, password)
	}
	return nil
}

// transmit sends one message on a connection that is ready.
func (s *smtpSender) transmit(l letter) *Error {
	if l.needsUTF8 {
		if offered, _ := s.client.Extension("SMTPUTF8"); !offered {
			return &Error{Failure: Permanent, Step: StepMail, Code: CodeNoUTF8}
		}
	}
	s.client.SkipSMTPUTF8(!l.needsUTF8) // otherwise the next server may have to reject the message
	if err := s.client.Mail("<" + quoted(s.from.Address) + ">"); err != nil {
		return newError(StepMail, err)
	}
	if err := s.client.Rcpt(l.to); err != nil {
		return newError(StepRcpt, err)
	}
	data, err := s.client.Data()
	if err != nil {
		return newError(StepData, err)
	}
	if _, err := data.Write(l.content); err != nil {
		return newError(StepData, err)
	}
	if err := data.Close(); err != nil {
		return newError(StepData, err)
	}
	return nil
}

// drop closes the connection.
func (s *smtpSender) drop() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.conn, s.client = nil, nil
}

const quitTimeout = 2 * time.Second

func (s *smtpSender) Close() {
	if s.client != nil {
		ctx, cancel := context.WithTimeout(context.Background(), quitTimeout)
		release := interruptAtEnd(ctx, s.conn)
		_ = s.client.Quit()
		release()
		cancel()
	}
	s.drop()
}
