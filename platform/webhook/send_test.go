package webhook_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"healthcare/platform/webhook"
)

// Parts of a message that no error and no log may contain.
const (
	canaryPath = "path-canary"
	canaryBody = "body-canary"
)

// newMessage returns a message to a URL.
func newMessage(url string) webhook.Message {
	return webhook.Message{
		ID: "0193-id", URL: url, At: time.Now(), Body: []byte(`{"type":"` + canaryBody + `"}`),
		Secrets: []webhook.Secret{webhook.NewSecret()},
	}
}

func requireNoCanary(t *testing.T, text string) {
	t.Helper()
	for _, canary := range []string{canaryPath, canaryBody, host, "127.0.0", "hooks"} {
		require.NotContains(t, text, canary)
	}
}

func requireFailure(t *testing.T, err error, failure webhook.Failure, code string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, &webhook.Error{Failure: failure, Code: code}, err, "%v", err)
	require.Contains(t, err.Error(), code)
	requireNoCanary(t, printed(t, err))
}

// request is a request as the receiver has read it.
type request struct {
	*http.Request
	body []byte
}

// recorder is a handler that keeps requests and responds with a status.
func recorder(status int) (http.HandlerFunc, <-chan request) {
	requests := make(chan request, 1000)
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- request{r, body}
		w.WriteHeader(status)
	}, requests
}

func TestSend(t *testing.T) {
	t.Parallel()
	handler, requests := recorder(http.StatusOK)
	s := newHTTPServer(t, local+":0", validTLS(t), handler)
	m := newMessage(s.url("/" + canaryPath + "?a=b%20c"))
	previous := webhook.NewSecret()
	m.Secrets = append(m.Secrets, previous)
	require.NoError(t, newSender(config()).Send(t.Context(), m))
	got := <-requests
	require.Equal(t, "POST", got.Method)
	require.Equal(t, "/"+canaryPath+"?a=b%20c", got.RequestURI)
	require.Equal(t, net.JoinHostPort(host, s.port), got.Host)
	require.Equal(t, "HTTP/1.1", got.Proto)
	require.Equal(t, string(m.Body), string(got.body))
	require.Equal(t, http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(m.Body))}, "Connection": {"close"},
		"User-Agent": {"Healthcare-Webhooks"}, "Webhook-Id": {m.ID},
		"Webhook-Timestamp": {strconv.FormatInt(m.At.Unix(), 10)},
		"Webhook-Signature": {webhook.Sign(m.ID, m.At, m.Body, m.Secrets...)},
	}, got.Header)
	require.NoError(t, verify(m.Secrets[0], got.Header, got.body))
	require.NoError(t, verify(previous, got.Header, got.body))
	require.Error(t, verify(previous, got.Header, append(got.body, ' ')))
	require.Error(t, verify(webhook.NewSecret(), got.Header, got.body))
	require.Greater(t, got.TLS.Version, uint16(tls.VersionTLS11))
	require.Equal(t, host, got.TLS.ServerName)
}

func TestSendByHTTPToAllowedAddresses(t *testing.T) {
	t.Parallel()
	handler, requests := recorder(http.StatusNoContent)
	s := newHTTPServer(t, local+":0", nil, handler)
	for _, name := range []string{host, local, "[::ffff:127.0.0.1]", "localhost", "db"} {
		require.NoError(t, newSender(config()).Send(t.Context(), newMessage("http://"+name+":"+s.port+"/")), name)
		require.Equal(t, name+":"+s.port, (<-requests).Host)
	}
	cfg := config()
	cfg.AllowPrivate = nil
	requireFailure(t, newSender(cfg).Send(t.Context(), newMessage("http://"+host+":"+s.port+"/")),
		webhook.Refused, webhook.CodeURL)
	require.Empty(t, requests)
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]*webhook.Error{
		200: nil, 201: nil, 202: nil, 204: nil, 299: nil,
		300: {Code: webhook.CodeRedirect}, 301: {Code: webhook.CodeRedirect}, 304: {Code: webhook.CodeRedirect},
		400: {Code: "http 400"}, 401: {Code: "http 401"}, 404: {Code: "http 404"}, 500: {Code: "http 500"},
		502: {Code: "http 502"}, 999: {Code: "http 999"},
		410: {Failure: webhook.Gone, Code: "http 410"},
		429: {Code: "http 429", RetryAfter: 90 * time.Second}, 503: {Code: "http 503", RetryAfter: 90 * time.Second},
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			s := newHTTPServer(t, local+":0", validTLS(t), func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "90")
				w.Header().Set("X-Canary", canaryBody)
				w.WriteHeader(status)
				if status >= 400 {
					_, _ = io.WriteString(w, canaryBody)
				}
			})
			err := newSender(config()).Send(t.Context(), newMessage(s.url("/")))
			require.EqualValues(t, 1, s.connections.Load(), "one attempt")
			if want == nil {
				require.NoError(t, err)
				return
			}
			require.Equal(t, want, err)
			requireNoCanary(t, printed(t, err))
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	handler, requests := recorder(http.StatusOK)
	other := newHTTPServer(t, local+":0", nil, handler)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, target := range []string{"http://169.254.169.254/latest/", "http://" + local + ":" + other.port, "/again"} {
			s := newHTTPServer(t, local+":0", validTLS(t), func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", target)
				w.WriteHeader(status)
			})
			err := newSender(config()).Send(t.Context(), newMessage(s.url("/")))
			requireFailure(t, err, webhook.Temporary, webhook.CodeRedirect)
			require.EqualValues(t, 1, s.connections.Load(), target)
		}
	}
	require.Empty(t, requests)
	require.Zero(t, other.connections.Load())
}

// TestForbiddenHosts checks that names and literals of local addresses reach no listener without permission.
func TestForbiddenHosts(t *testing.T) {
	t.Parallel()
	s := newServer(t, local+":0", nil, func(net.Conn) {})
	for _, address := range []string{
		"127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "169.254.169.254", "10.0.0.1", "64:ff9b::7f00:1",
		"fe80::1", "fd00:ec2::254", "168.63.129.16",
	} {
		for _, allowed := range [][]netip.Prefix{nil, {netip.MustParsePrefix(second + "/32")}} {
			cfg := config()
			cfg.AllowPrivate, cfg.Resolver = allowed, resolveTo(address)
			err := newSender(cfg).Send(t.Context(), newMessage(s.url("/"+canaryPath)))
			requireFailure(t, err, webhook.Refused, webhook.CodeAddress)
		}
	}
	cfg := config()
	cfg.AllowPrivate = []netip.Prefix{netip.MustParsePrefix(second + "/32")}
	for _, literal := range []string{local, "[::ffff:127.0.0.1]", "[::1]", "[::]", "0.0.0.0", "[::ffff:7f00:1]"} {
		for _, scheme := range []string{"http://", "https://"} {
			err := newSender(cfg).Send(t.Context(), newMessage(scheme+literal+":"+s.port))
			requireFailure(t, err, webhook.Refused, webhook.CodeAddress)
		}
	}
	cfg.Resolver = resolveTo(local)
	for _, name := range []string{"127.1", "0x7f.1", "2130706433", "0177.0.0.1"} {
		err := newSender(cfg).Send(t.Context(), newMessage("https://"+name+":"+s.port))
		requireFailure(t, err, webhook.Refused, webhook.CodeURL)
	}
	require.Zero(t, s.connections.Load())
}

// TestRebinding checks a name that first has a permitted address, and later a forbidden one.
func TestRebinding(t *testing.T) {
	t.Parallel()
	handler, requests := recorder(http.StatusOK)
	permitted := newHTTPServer(t, second+":0", validTLS(t), handler)
	victim := newServer(t, local+":"+permitted.port, nil, func(net.Conn) {})
	r := &resolver{answer: func(lookup int64, _ string) []netip.Addr {
		if lookup <= 1 {
			return parseAll([]string{second})
		}
		return parseAll([]string{local})
	}}
	cfg := config()
	cfg.AllowPrivate, cfg.Resolver = []netip.Prefix{netip.MustParsePrefix(second + "/32")}, r.resolver()
	sender := newSender(cfg)
	require.NoError(t, sender.Send(t.Context(), newMessage(permitted.url("/"))))
	require.Len(t, requests, 1)
	require.EqualValues(t, 1, r.lookups.Load(), "the address that is called is that of the only look-up")
	for range 3 {
		err := sender.Send(t.Context(), newMessage(permitted.url("/")))
		requireFailure(t, err, webhook.Refused, webhook.CodeAddress)
	}

	cfg.Resolver = resolveTo(local, "::1", second) // the dialer tries one address after the other
	require.NoError(t, newSender(cfg).Send(t.Context(), newMessage(permitted.url("/"))))
	require.Len(t, requests, 2)
	require.Zero(t, victim.connections.Load())
}

// TestProxyIsIgnored uses a name, because Go uses no proxy for loopback addresses in any case.
func TestProxyIsIgnored(t *testing.T) {
	proxy := newServer(t, local+":0", nil, func(net.Conn) {})
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://"+local+":"+proxy.port)
	}
	handler, requests := recorder(http.StatusOK)
	encrypted := newHTTPServer(t, local+":0", validTLS(t), handler)
	require.NoError(t, newSender(config()).Send(t.Context(), newMessage(encrypted.url("/"))))
	plain := newHTTPServer(t, local+":0", nil, handler)
	require.NoError(t, newSender(config()).Send(t.Context(), newMessage("http://"+host+":"+plain.port)))
	require.Len(t, requests, 2)
	require.Zero(t, proxy.connections.Load())
}

// drip writes text byte by byte until the connection is closed.
func drip(conn io.Writer, text string) {
	for i := 0; ; i++ {
		if _, err := io.WriteString(conn, text[i%len(text):i%len(text)+1]); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	const limit = time.Second
	ignore := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	dripAfter := func(head, text string) func(net.Conn) {
		return func(c net.Conn) {
			_ = readRequest(c)
			_, _ = io.WriteString(c, head)
			drip(c, text)
		}
	}
	hanging := &resolver{dial: func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	for name, test := range map[string]struct {
		serve    func(net.Conn)
		noTLS    bool
		size     int // of the message
		resolver *net.Resolver
		code     string // timeout unless set
		success  bool
	}{
		"no answer of the resolver":  {serve: ignore, resolver: hanging.resolver()},
		"no TLS handshake":           {noTLS: true, serve: ignore},
		"a dripping TLS handshake":   {noTLS: true, serve: func(c net.Conn) { drip(c, "\x16\x03\x03\x40\x00\x02") }},
		"no response":                {serve: ignore},
		"a dripping status":          {serve: dripAfter("", "HTTP/1.1 200 "+strings.Repeat("O", 4096))},
		"a dripping header":          {serve: dripAfter("HTTP/1.1 200 OK\r\n", "A: b\r\n")},
		"dripping interim responses": {serve: dripAfter("", "HTTP/1.1 103 A\r\n\r\n")},
		// The status has decided. The limit is that of the whole delivery nevertheless.
		"a dripping body of a success": {success: true, serve: dripAfter("HTTP/1.1 200 OK\r\n\r\n", "x")},
		"a dripping body of a failure": {code: "http 500", serve: dripAfter("HTTP/1.1 500 No\r\n\r\n", "x")},
		"a request that is not read":   {size: 16 << 20, serve: func(c net.Conn) { _ = readRequest(c) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encryption := validTLS(t)
			if test.noTLS {
				encryption = nil
			}
			s := newServer(t, local+":0", encryption, func(c net.Conn) {
				test.serve(c)
				if test.size > 0 {
					<-t.Context().Done() // which ends before the server waits for its connections
				}
			})
			cfg := config()
			cfg.Timeout = limit
			if test.resolver != nil {
				cfg.Resolver = test.resolver
			}
			m := newMessage(s.url("/"))
			if test.size > 0 {
				m.Body = make([]byte, test.size)
			}
			start := time.Now()
			err := newSender(cfg).Send(t.Context(), m)
			require.Less(t, time.Since(start), limit+3*time.Second)
			require.GreaterOrEqual(t, time.Since(start), limit)
			switch {
			case test.success:
				require.NoError(t, err)
			case test.code != "":
				requireFailure(t, err, webhook.Temporary, test.code)
			default:
				requireFailure(t, err, webhook.Temporary, webhook.CodeTimeout)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	s := newServer(t, local+":0", validTLS(t), func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	start := time.Now()
	requireFailure(t, newSender(config()).Send(ctx, newMessage(s.url("/"))), webhook.Temporary, webhook.CodeCancelled)
	requireFailure(t, newSender(config()).Send(ctx, newMessage(s.url("/"))), webhook.Temporary, webhook.CodeCancelled)
	require.Less(t, time.Since(start), 5*time.Second)

	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	requireFailure(t, newSender(config()).Send(ctx, newMessage(s.url("/"))), webhook.Temporary, webhook.CodeTimeout)
	require.Eventually(t, func() bool { return s.open.Load() == 0 }, 5*time.Second, 5*time.Millisecond)
}

// TestHugeResponse counts the bytes that a receiver can send, and the memory that the sender allocates. It is not
// parallel, because the memory is that of the process.
func TestHugeResponse(t *testing.T) {
	const total = 256 << 20
	const chunked = "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n"
	const interim = "HTTP/1.1 103 Hint\r\n\r\n"
	chunk := []byte(strings.Repeat("x", 64<<10))
	for name, test := range map[string]struct{ head, code string }{
		"an endless body":          {head: "HTTP/1.1 200 OK\r\n\r\n"},
		"an announced large body":  {head: "HTTP/1.1 200 OK\r\nContent-Length: 268435456\r\n\r\n"},
		"a compressed body":        {head: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"},
		"a chunk of 256 MiB":       {head: chunked + "10000000\r\n", code: "http 500"},
		"an endless chunk header":  {head: chunked + "1;a=", code: "http 500"},
		"an endless header":        {head: "HTTP/1.1 200 OK\r\nA: ", code: webhook.CodeResponse},
		"an endless first line":    {code: webhook.CodeResponse},
		"a header after a 1xx one": {head: interim + "HTTP/1.1 200 OK\r\nA: ", code: webhook.CodeResponse},
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			s := newServer(t, local+":0", nil, func(c net.Conn) {
				_ = readRequest(c)
				_, _ = io.WriteString(c, test.head)
				for sent.Load() < total {
					n, err := c.Write(chunk)
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			})
			sender, m := newSender(config()), newMessage("http://"+host+":"+s.port)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := sender.Send(t.Context(), m)
			runtime.ReadMemStats(&after)
			if test.code == "" {
				require.NoError(t, err)
			} else {
				requireFailure(t, err, webhook.Temporary, test.code)
			}
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "bytes allocated")
			require.Eventually(t, func() bool { return s.open.Load() == 0 }, 5*time.Second, 5*time.Millisecond)
			require.Less(t, sent.Load(), int64(16<<20), "buffers of the sockets included")
		})
	}
}

func TestConnectionFailures(t *testing.T) {
	t.Parallel()
	foreign := config()
	foreign.RootCAs = nil
	unknown := config()
	unknown.Resolver = (&resolver{answer: func(int64, string) []netip.Addr { return nil }}).resolver()
	closed := func(c net.Conn) { _ = readRequest(c) }
	reply := func(text string) func(net.Conn) {
		return func(c net.Conn) { _ = readRequest(c); _, _ = io.WriteString(c, text) }
	}
	old := validTLS(t)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for name, test := range map[string]struct {
		cfg   webhook.Config
		tls   *tls.Config
		serve func(net.Conn)
		code  string
	}{
		"an unknown issuer": {cfg: foreign, tls: validTLS(t), code: webhook.CodeCertificate},
		"another name": {
			tls: serverTLS(t, "other.clinic.example", time.Now().Add(time.Hour)), code: webhook.CodeCertificate,
		},
		"an expired certificate": {
			tls: serverTLS(t, host, time.Now().Add(-time.Minute)), code: webhook.CodeCertificate,
		},
		"TLS 1.1":                  {tls: old, code: webhook.CodeTLS},
		"http at the port":         {serve: reply("HTTP/1.1 400 Bad\r\n\r\n" + canaryBody), code: webhook.CodeTLS},
		"closed before TLS":        {serve: closed, code: webhook.CodeClosed},
		"closed after the request": {tls: validTLS(t), serve: closed, code: webhook.CodeClosed},
		"closed in the header":     {tls: validTLS(t), serve: reply("HTTP/1.1 200 OK\r\nA:"), code: webhook.CodeClosed},
		"another protocol": {
			tls: validTLS(t), serve: reply("220 " + canaryBody + "\r\n"), code: webhook.CodeResponse,
		},
		"an invalid header": {
			tls: validTLS(t), serve: reply("HTTP/1.1 200 OK\r\n" + canaryBody + "\r\n\r\n"), code: webhook.CodeResponse,
		},
		"an invalid length": {
			tls: validTLS(t), serve: reply("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), code: webhook.CodeResponse,
		},
		"a switch of protocols": {
			tls: validTLS(t), code: "http 101",
			serve: reply("HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
		},
		"an unknown host": {cfg: unknown, serve: closed, code: webhook.CodeUnknownHost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serve := test.serve
			if serve == nil {
				serve = func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
			}
			s := newServer(t, local+":0", test.tls, serve)
			if test.cfg.Resolver == nil {
				test.cfg = config()
			}
			err := newSender(test.cfg).Send(t.Context(), newMessage(s.url("/"+canaryPath)))
			requireFailure(t, err, webhook.Temporary, test.code)
		})
	}
}

func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", local+":0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	err = newSender(config()).Send(t.Context(), newMessage("https://"+host+":"+port))
	requireFailure(t, err, webhook.Temporary, webhook.CodeRefused)
}

func TestInvalidMessages(t *testing.T) {
	t.Parallel()
	s := newServer(t, local+":0", nil, func(net.Conn) {})
	for name, test := range map[string]struct {
		change func(*webhook.Message)
		code   string
	}{
		"no ID":            {func(m *webhook.Message) { m.ID = "" }, webhook.CodeMessage},
		"a dot in the ID":  {func(m *webhook.Message) { m.ID = "a.1" }, webhook.CodeMessage},
		"a line in the ID": {func(m *webhook.Message) { m.ID = "a\r\nX: y" }, webhook.CodeMessage},
		"a long ID":        {func(m *webhook.Message) { m.ID = strings.Repeat("a", 256) }, webhook.CodeMessage},
		"no secret":        {func(m *webhook.Message) { m.Secrets = nil }, webhook.CodeMessage},
		"the zero secret": {
			func(m *webhook.Message) { m.Secrets = make([]webhook.Secret, 1) }, webhook.CodeMessage,
		},
		"no URL":              {func(m *webhook.Message) { m.URL = "" }, webhook.CodeURL},
		"a user in the URL":   {func(m *webhook.Message) { m.URL = "https://user@" + host }, webhook.CodeURL},
		"a reserved port":     {func(m *webhook.Message) { m.URL = "https://" + host + ":22" }, webhook.CodeURL},
		"another protocol":    {func(m *webhook.Message) { m.URL = "gopher://" + host }, webhook.CodeURL},
		"an IPv4 as a number": {func(m *webhook.Message) { m.URL = "https://2130706433:" + s.port }, webhook.CodeURL},
	} {
		m := newMessage(s.url("/" + canaryPath))
		test.change(&m)
		err := newSender(config()).Send(t.Context(), m)
		require.Error(t, err, name)
		requireFailure(t, err, webhook.Refused, test.code)
	}
	require.Zero(t, s.connections.Load())
}

// TestTextsAreClean checks that neither fmt nor zap nor JSON shows a secret, a URL or a body.
func TestTextsAreClean(t *testing.T) {
	t.Parallel()
	m := newMessage("https://" + host + "/" + canaryPath)
	failure := &webhook.Error{Failure: webhook.Gone, Code: "http 410"}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for _, value := range []any{m, &m, []webhook.Message{m}, struct{ M webhook.Message }{m}, failure, m.Secrets} {
		line, err := encoder.EncodeEntry(zapcore.Entry{}, []zapcore.Field{
			zap.Any("any", value), zap.Reflect("reflect", value), zap.String("text", fmt.Sprint(value)),
		})
		require.NoError(t, err)
		text := printed(t, value) + line.String()
		requireNoCanary(t, text)
		for _, form := range forms(t, m.Secrets[0]) {
			require.NotContains(t, text, form)
		}
	}
	require.Equal(t, "webhook "+m.ID, fmt.Sprintf("%+v", m))
	encoded, err := json.Marshal(m)
	require.NoError(t, err)
	require.Equal(t, `"webhook `+m.ID+`"`, string(encoded))
	require.Equal(t, "webhook: endpoint gone: http 410", failure.Error())
	require.Equal(t, "webhook: not permitted: x", (&webhook.Error{Failure: webhook.Refused, Code: "x"}).Error())
	require.Equal(t, "webhook: temporary failure: x", (&webhook.Error{Code: "x"}).Error())
}

func TestConcurrentSends(t *testing.T) {
	t.Parallel()
	handler, requests := recorder(http.StatusOK)
	s := newHTTPServer(t, local+":0", validTLS(t), handler)
	sender := newSender(config())
	var sends sync.WaitGroup
	secrets := map[string]webhook.Secret{}
	var failed atomic.Int64
	const count = 40
	for i := range count {
		m := newMessage(s.url("/"))
		m.ID = strconv.Itoa(i)
		secrets[m.ID] = m.Secrets[0]
		sends.Go(func() {
			if sender.Send(t.Context(), m) != nil {
				failed.Add(1)
			}
		})
	}
	sends.Wait()
	require.Zero(t, failed.Load())
	for range count {
		got := <-requests
		require.NoError(t, verify(secrets[got.Header.Get("webhook-id")], got.Header, got.body))
	}
	require.EqualValues(t, count, s.connections.Load(), "each delivery has a connection of its own")
	require.Eventually(t, func() bool { return s.open.Load() == 0 }, 5*time.Second, 5*time.Millisecond)
}
