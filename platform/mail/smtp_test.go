package mail_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/platform/clock"
	"healthcare/platform/mail"
)

// Parts of the message that no error and no log may contain.
const (
	canaryLocal   = "recipient-canary"
	canaryTo      = canaryLocal + "@clinic.example"
	canarySubject = "subject-canary"
	canaryText    = "text-canary"
)

var canaries = []string{canaryLocal, canarySubject, canaryText, password}

func newMessage() mail.Message {
	return mail.Message{
		ID: uuid.New(), To: canaryTo, Subject: canarySubject, Text: "Hello " + canaryText,
		HTML: "<p>Hello " + canaryText + "</p>",
	}
}

// newSender returns a sender. At the end of the test it asserts that the log contains no canary.
func newSender(t *testing.T, cfg mail.Config) mail.Sender {
	t.Helper()
	core, logged := observer.New(zap.DebugLevel)
	sender, err := mail.NewSender(cfg, clock.New(), zap.New(core))
	require.NoError(t, err)
	t.Cleanup(func() {
		sender.Close()
		for _, line := range logged.All() {
			requireNoCanary(t, fmt.Sprint(line.Message, line.ContextMap()))
		}
	})
	return sender
}

func requireNoCanary(t *testing.T, text string) {
	t.Helper()
	for _, canary := range canaries {
		require.NotContains(t, text, canary)
	}
}

func requireFailure(t *testing.T, err error, failure mail.Failure, step mail.Step, code string) {
	t.Helper()
	require.Error(t, err)
	requireNoCanary(t, fmt.Sprintf("%v %+v %#v %q", err, err, err, err))
	require.Equal(t, &mail.Error{Failure: failure, Step: step, Code: code}, err, "%v", err)
	require.Contains(t, err.Error(), code)
}

func TestSend(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scheme, credentials, query string
		adjust                     func(*server)
		encrypted                  bool
	}{
		"with STARTTLS": {scheme: "smtp", encrypted: true},
		"with TLS from the first byte on": {
			scheme: "smtps", encrypted: true, adjust: func(s *server) { s.Addr = implicitTLS },
		},
		"with PLAIN": {
			scheme: "smtp", credentials: user + ":" + password + "@", encrypted: true,
			adjust: func(s *server) { s.mechanisms = []string{"LOGIN", "PLAIN"} },
		},
		"with LOGIN over TLS": {
			scheme: "smtps", credentials: user + ":" + password + "@", encrypted: true,
			adjust: func(s *server) { s.Addr, s.mechanisms = implicitTLS, []string{"LOGIN"} },
		},
		"unencrypted to loopback, with a password": {
			scheme: "smtp", credentials: user + ":" + password + "@", query: "?tls=none",
			adjust: func(s *server) { s.AllowInsecureAuth, s.mechanisms = true, []string{"PLAIN"} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, test.adjust)
			sender := newSender(t, s.config(test.scheme, test.credentials, test.query))
			require.NoError(t, sender.Send(t.Context(), newMessage()))
			require.Len(t, s.received(), 1)
			got := s.received()[0]
			require.Equal(t, "clinic@clinic.example", got.from)
			require.Equal(t, canaryTo, got.to)
			require.Equal(t, test.encrypted, got.encrypted)
			require.False(t, got.utf8, "SMTPUTF8 is requested only for addresses that need it")
			require.Contains(t, got.content, canaryText)
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	withAuth := user + ":" + password + "@"
	drop := func(c *smtp.Conn) error { _ = c.Conn().Close(); return errDropped }
	for name, test := range map[string]struct {
		adjust      func(*server)
		scheme      string // smtp unless set
		credentials string
		query       string
		failure     mail.Failure
		step        mail.Step
		code        string
		otherName   bool // of the certificate
		stays       bool // the connection is kept
	}{
		"an unknown recipient is permanent": {
			adjust: func(s *server) {
				s.onRcpt = func(to string) error { return reply(550, smtp.EnhancedCode{5, 1, 1}, to) }
			},
			failure: mail.Permanent, step: mail.StepRcpt, code: "550 5.1.1", stays: true,
		},
		"a recipient is postponed": {
			adjust: func(s *server) {
				s.onRcpt = func(to string) error { return reply(451, smtp.EnhancedCode{4, 7, 1}, to) }
			},
			failure: mail.Temporary, step: mail.StepRcpt, code: "451 4.7.1", stays: true,
		},
		"a message is postponed": {
			adjust: func(s *server) {
				s.onData = func(*smtp.Conn) error { return reply(451, smtp.EnhancedCode{4, 3, 0}, canaryTo) }
			},
			failure: mail.Temporary, step: mail.StepData, code: "451 4.3.0", stays: true,
		},
		"a message is rejected": {
			adjust: func(s *server) {
				s.onData = func(*smtp.Conn) error { return reply(554, smtp.NoEnhancedCode, canaryTo) }
			},
			failure: mail.Permanent, step: mail.StepData, code: "554", stays: true,
		},
		"a rejected sender is a failure of the channel": {
			adjust: func(s *server) {
				s.onMail = func(from string) error { return reply(553, smtp.EnhancedCode{5, 7, 1}, from) }
			},
			step: mail.StepMail, code: "553 5.7.1",
		},
		"a required authentication is a failure of the channel": {
			adjust: func(s *server) {
				s.onRcpt = func(to string) error { return reply(530, smtp.EnhancedCode{5, 7, 0}, to) }
			},
			step: mail.StepRcpt, code: "530 5.7.0",
		},
		"a server that stops is a failure of the channel": {
			adjust: func(s *server) {
				s.onRcpt = func(to string) error { return reply(421, smtp.EnhancedCode{4, 3, 2}, to) }
			},
			step: mail.StepRcpt, code: "421 4.3.2",
		},
		"a wrong password": {
			adjust:      func(s *server) { s.mechanisms = []string{"PLAIN"} },
			credentials: user + ":" + password + "-wrong@", step: mail.StepAuth, code: "535 5.7.8",
		},
		"no known mechanism": {
			adjust:      func(s *server) { s.mechanisms = []string{"GSSAPI"} },
			credentials: withAuth, step: mail.StepAuth, code: mail.CodeNoMechanism,
		},
		"no STARTTLS": {
			adjust: func(s *server) {
				s.TLSConfig, s.AllowInsecureAuth, s.mechanisms = nil, true, []string{"PLAIN"}
			},
			credentials: withAuth, step: mail.StepTLS, code: mail.CodeNoSTARTTLS,
		},
		"a certificate of another name, with STARTTLS": {
			otherName: true, step: mail.StepTLS, code: mail.CodeCertificate,
		},
		"a certificate of another name, with TLS": {
			adjust: func(s *server) { s.Addr = implicitTLS }, scheme: "smtps", otherName: true,
			step: mail.StepTLS, code: mail.CodeCertificate,
		},
		"TLS to a server that greets first": {
			scheme: "smtps", step: mail.StepTLS, code: mail.CodeTLS,
		},
		"a connection that is dropped in DATA": {
			adjust: func(s *server) { s.onData = drop }, query: "?tls=none",
			step: mail.StepData, code: mail.CodeClosed,
		},
		"a stall in DATA": {
			adjust: func(s *server) { s.onData = func(*smtp.Conn) error { <-s.stalled; return errDropped } },
			step:   mail.StepData, code: mail.CodeTimeout,
		},
		"a stall at the recipient": {
			adjust: func(s *server) { s.onRcpt = func(string) error { <-s.stalled; return errDropped } },
			step:   mail.StepRcpt, code: mail.CodeTimeout,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(s *server) {
				if test.adjust != nil {
					test.adjust(s)
				}
				if test.otherName {
					s.TLSConfig = serverTLS(t, "127.0.0.2")
				}
			})
			scheme := test.scheme
			if scheme == "" {
				scheme = "smtp"
			}
			cfg := s.config(scheme, test.credentials, test.query)
			if test.code == mail.CodeTimeout {
				cfg.Timeout = 3 * time.Second
			}
			requireFailure(t, newSender(t, cfg).Send(t.Context(), newMessage()), test.failure, test.step, test.code)
			require.Empty(t, s.received())
			open := 0
			if test.stays {
				open = 1
			}
			if test.code != mail.CodeTimeout { // its server still waits
				requireOpen(t, s, open)
			}
		})
	}
}

// requireOpen asserts that the server soon has this number of open connections.
func requireOpen(t *testing.T, s *server, want int) {
	t.Helper()
	require.Eventually(t, func() bool { _, open := s.counts(); return open == want }, time.Minute, time.Millisecond)
}

func TestNothingIsSentUnencrypted(t *testing.T) {
	t.Parallel()
	conversation := make(chan string, 1)
	address := listen(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "220 mail.clinic.example ESMTP\r\n")
		var lines strings.Builder
		buffer := make([]byte, 4096)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				break
			}
			lines.Write(buffer[:n])
			_, _ = io.WriteString(conn, "250-mail.clinic.example\r\n250 AUTH PLAIN LOGIN\r\n")
		}
		conversation <- lines.String()
	})
	cfg := (&server{address: address}).config("smtp", user+":"+password+"@", "")
	err := newSender(t, cfg).Send(t.Context(), newMessage())
	requireFailure(t, err, mail.Channel, mail.StepTLS, mail.CodeNoSTARTTLS)
	require.Equal(t, "EHLO clinic.example\r\n", <-conversation)
}

// listen calls serve with each connection, and closes it afterwards.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer func() { _ = conn.Close() }(); serve(conn) }()
		}
	}()
	return listener.Addr().String()
}

func TestServersThatDoNotServe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		serve func(net.Conn)
		step  mail.Step
		code  string
	}{
		"refuse every client": {
			serve: func(c net.Conn) { _, _ = io.WriteString(c, "554 5.7.1 "+canaryTo+"\r\n") },
			step:  mail.StepGreeting, code: "554 5.7.1",
		},
		"close at once": {serve: func(net.Conn) {}, step: mail.StepGreeting, code: mail.CodeClosed},
		"never greet": {
			serve: func(c net.Conn) { _, _ = io.ReadAll(c) }, step: mail.StepGreeting, code: mail.CodeTimeout,
		},
		"speak another protocol": {
			serve: func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 "+canaryTo+"\r\n\r\n") },
			step:  mail.StepGreeting, code: mail.CodeUnknown,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := (&server{address: listen(t, test.serve)}).config("smtp", "", "")
			if test.code == mail.CodeTimeout {
				cfg.Timeout = time.Second
			}
			err := newSender(t, cfg).Send(t.Context(), newMessage())
			requireFailure(t, err, mail.Channel, test.step, test.code)
		})
	}
	t.Run("are down", func(t *testing.T) {
		t.Parallel()
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := listener.Addr().String()
		require.NoError(t, listener.Close())
		cfg := (&server{address: address}).config("smtp", "", "")
		err = newSender(t, cfg).Send(t.Context(), newMessage())
		requireFailure(t, err, mail.Channel, mail.StepConnect, mail.CodeRefused)
	})
	t.Run("have no address", func(t *testing.T) {
		t.Parallel()
		cfg := (&server{address: strings.Repeat("x", 64) + ".invalid:587"}).config("smtp", "", "") // needs no DNS
		err := newSender(t, cfg).Send(t.Context(), newMessage())
		requireFailure(t, err, mail.Channel, mail.StepConnect, mail.CodeUnknownHost)
	})
}

func TestRepliesThatConcernTheServer(t *testing.T) {
	t.Parallel()
	var code atomic.Int32
	s := newServer(t, func(s *server) {
		s.onRcpt = func(to string) error { return reply(int(code.Load()), smtp.NoEnhancedCode, to) }
	})
	sender := newSender(t, s.config("smtp", "", ""))
	for number, failure := range map[int32]mail.Failure{
		421: mail.Channel, 530: mail.Channel, 534: mail.Channel, 535: mail.Channel, 538: mail.Channel,
		400: mail.Temporary, 450: mail.Temporary, 452: mail.Temporary, 499: mail.Temporary,
		500: mail.Permanent, 550: mail.Permanent, 554: mail.Permanent, 599: mail.Permanent, 354: mail.Channel,
	} {
		code.Store(number)
		err := sender.Send(t.Context(), newMessage())
		requireFailure(t, err, failure, mail.StepRcpt, strconv.Itoa(int(number)))
	}
}

func TestContextEndsASend(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := newServer(t, func(s *server) {
		s.onData = func(*smtp.Conn) error { cancel(); <-s.stalled; return errDropped }
	})
	sender := newSender(t, s.config("smtp", "", ""))
	requireFailure(t, sender.Send(ctx, newMessage()), mail.Channel, mail.StepData, mail.CodeCancelled)
	requireFailure(t, sender.Send(ctx, newMessage()), mail.Channel, mail.StepConnect, mail.CodeCancelled)
}

func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	t.Run("between messages, and after failures of recipients", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, func(s *server) {
			s.onRcpt = func(to string) error {
				if strings.HasPrefix(to, "unknown") {
					return reply(550, smtp.EnhancedCode{5, 1, 1}, to)
				}
				return nil
			}
		})
		sender := newSender(t, s.config("smtp", "", ""))
		for range 3 {
			require.NoError(t, sender.Send(t.Context(), newMessage()))
			unknown := newMessage()
			unknown.To = "unknown@clinic.example"
			require.Error(t, sender.Send(t.Context(), unknown))
		}
		require.Len(t, s.received(), 3)
		all, open := s.counts()
		require.Equal(t, [2]int{1, 1}, [2]int{all, open})
		sender.Close()
		requireOpen(t, s, 0)
		require.NoError(t, sender.Send(t.Context(), newMessage()), "connects again after Close")
	})
	t.Run("until the server has closed it", func(t *testing.T) {
		t.Parallel()
		conns := make(chan net.Conn, 10)
		s := newServer(t, func(s *server) {
			s.onData = func(c *smtp.Conn) error { conns <- c.Conn(); return nil }
		})
		sender := newSender(t, s.config("smtp", "", ""))
		require.NoError(t, sender.Send(t.Context(), newMessage()))
		require.NoError(t, (<-conns).Close())
		require.NoError(t, sender.Send(t.Context(), newMessage()), "the message is sent on a new connection")
		all, _ := s.counts()
		require.Equal(t, 2, all)
		require.Len(t, s.received(), 2)
	})
	t.Run("until the server wants no more messages on it", func(t *testing.T) {
		t.Parallel()
		var sent atomic.Int32
		s := newServer(t, func(s *server) {
			s.onMail = func(string) error {
				if sent.Add(1) == 2 {
					return reply(421, smtp.EnhancedCode{4, 7, 0}, "too many messages")
				}
				return nil
			}
		})
		sender := newSender(t, s.config("smtp", "", ""))
		require.NoError(t, sender.Send(t.Context(), newMessage()))
		require.NoError(t, sender.Send(t.Context(), newMessage()))
		require.Len(t, s.received(), 2)
	})
	t.Run("not after a failure of the channel", func(t *testing.T) {
		t.Parallel()
		var attempts atomic.Int32
		s := newServer(t, func(s *server) {
			s.onData = func(c *smtp.Conn) error {
				if attempts.Add(1) != 2 {
					return nil
				}
				_ = c.Conn().Close()
				return errDropped
			}
		})
		sender := newSender(t, s.config("smtp", "", ""))
		require.NoError(t, sender.Send(t.Context(), newMessage()))
		m := newMessage()
		requireFailure(t, sender.Send(t.Context(), m), mail.Channel, mail.StepData, mail.CodeClosed)
		require.EqualValues(t, 2, attempts.Load(), "the server may have accepted it, so Send does not repeat it")
		require.NoError(t, sender.Send(t.Context(), m), "the caller may repeat it")
		require.Contains(t, s.received()[1].content, m.ID.String()+"@clinic.example")
	})
}

func TestInternationalAddresses(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) { s.EnableSMTPUTF8 = true })
	sender := newSender(t, s.config("smtp", "", ""))
	for to, want := range map[string]received{
		"asha@bücher.example":             {to: "asha@xn--bcher-kva.example"},
		"آشا@clinic.example":              {to: "آشا@clinic.example", utf8: true},
		`"a b"@clinic.example`:            {to: "a b@clinic.example"},
		"o'hara+x@clinic.example":         {to: "o'hara+x@clinic.example"},
		"asha@bücher.example.":            {to: "asha@xn--bcher-kva.example"},
		"zoe\u0308@bu\u0308cher.example.": {to: "zo\u00eb@xn--bcher-kva.example", utf8: true},
		"Zoe@BÜCHER.example":              {to: "Zoe@xn--bcher-kva.example"},
	} {
		m := newMessage()
		m.To = to
		require.NoError(t, sender.Send(t.Context(), m), to)
		got := s.received()[len(s.received())-1]
		require.Equal(t, want.utf8, got.utf8, to)
		require.Equal(t, want.to, strings.ReplaceAll(got.to, `"`, ""), to)
	}
	ascii := newSender(t, newServer(t, nil).config("smtp", "", ""))
	m := newMessage()
	m.To = "آشا@clinic.example"
	requireFailure(t, ascii.Send(t.Context(), m), mail.Permanent, mail.StepMail, mail.CodeNoUTF8)
	require.NoError(t, ascii.Send(t.Context(), newMessage()), "the next recipient is not affected")
}

// serveBare serves one client with replies that have no text where RFC 5321 requires none.
func serveBare(conn net.Conn, cfg *tls.Config, replies map[string]string) {
	_, _ = io.WriteString(conn, "220 mail.clinic.example\r\n")
	lines := bufio.NewReader(conn)
	for inData := false; ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.Fields(line + " -")[0])
		if inData && verb != "." {
			continue
		}
		inData = false
		reply := cmp.Or(replies[verb], "250")
		switch verb {
		case "EHLO":
			reply = "250-mail.clinic.example\r\n250 STARTTLS"
		case "STARTTLS":
			_, _ = io.WriteString(conn, "220\r\n")
			conn = tls.Server(conn, cfg)
			lines.Reset(conn)
			continue
		case "DATA":
			reply, inData = "354", true
		}
		_, _ = io.WriteString(conn, reply+"\r\n")
	}
}

func TestRepliesWithoutAText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		replies map[string]string
		failure mail.Failure
		step    mail.Step
		code    string
	}{
		"accept":                         {},
		"accept in two lines":            {replies: map[string]string{".": "250-\r\n250"}},
		"reject the recipient":           {map[string]string{"RCPT": "554"}, mail.Permanent, mail.StepRcpt, "554"},
		"postpone the message":           {map[string]string{".": "451"}, mail.Temporary, mail.StepData, "451"},
		"reject the sender":              {map[string]string{"MAIL": "550"}, mail.Channel, mail.StepMail, "550"},
		"are longer than a buffer":       {replies: map[string]string{".": "250 " + strings.Repeat("250", 5000)}},
		"are a text that looks like one": {replies: map[string]string{"RCPT": "250-2.1.5\r\n250-554\r\n250 250"}},
	} {
		for _, scheme := range []string{"smtp", "smtps"} {
			t.Run(name+" by "+scheme, func(t *testing.T) {
				t.Parallel()
				secure := serverTLS(t, "127.0.0.1")
				address := listen(t, func(conn net.Conn) {
					if scheme == "smtps" {
						conn = tls.Server(conn, secure)
					}
					serveBare(conn, secure, test.replies)
				})
				err := newSender(t, (&server{address: address}).config(scheme, "", "")).Send(t.Context(), newMessage())
				if test.step == "" {
					require.NoError(t, err)
					return
				}
				requireFailure(t, err, test.failure, test.step, test.code)
			})
		}
	}
}
