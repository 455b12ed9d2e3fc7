package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"healthcare/platform/clock"
)

const (
	userAgent     = "Healthcare-Webhooks" // without a version, which would help an attacker
	maxHeader     = 16 << 10              // bytes of a response's header
	maxBody       = 64 << 10              // bytes that are read of a response's body
	maxRetryAfter = 6 * time.Hour
)

// messageID matches an ID that is valid in a header and has no dot, which separates the parts that are signed.
var messageID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

type sender struct {
	cfg   Config
	clock clock.Clock
}

func (s *sender) Send(ctx context.Context, m Message) error {
	u, err := parseURL(m.URL, len(s.cfg.AllowPrivate) > 0)
	if err != nil {
		return &Error{Failure: Refused, Code: CodeURL}
	}
	signature := Sign(m.ID, m.At, m.Body, m.Secrets...)
	if !messageID.MatchString(m.ID) || signature == "" {
		return &Error{Failure: Refused, Code: CodeMessage}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(m.Body))
	if err != nil {
		return &Error{Failure: Refused, Code: CodeURL}
	}
	request.Header.Set("Webhook-Id", m.ID)
	request.Header.Set("Webhook-Timestamp", timestamp(m.At))
	request.Header.Set("Webhook-Signature", signature)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	if failure := s.deliver(ctx, request); failure != nil {
		return failure
	}
	return nil
}

// deliver makes one request on a connection of its own.
func (s *sender) deliver(ctx context.Context, request *http.Request) *Error {
	conn, failure := s.connect(ctx, request.URL)
	if failure != nil {
		return failure.endedBy(ctx)
	}
	defer conn.Close()
	dial := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	transport := &http.Transport{
		DialContext: dial, DialTLSContext: dial, Proxy: nil, DisableKeepAlives: true, DisableCompression: true,
		MaxResponseHeaderBytes: maxHeader, Protocols: new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	response, err := transport.RoundTrip(request) // follows no redirect
	if err != nil {
		return newError(err, CodeResponse).endedBy(ctx)
	}
	// The status alone decides. A receiver that fails afterwards has accepted or rejected the message already.
	_, _ = io.CopyN(io.Discard, response.Body, maxBody)
	_ = response.Body.Close()
	return s.judge(response)
}

// connect opens a connection for a URL. The transport does not do this, because its dialling outlives the context of a
// request. When the context ends, the connection is closed.
func (s *sender) connect(ctx context.Context, u *url.URL) (net.Conn, *Error) {
	port := u.Port()
	if port == "" {
		port = strconv.Itoa(httpsPort)
	}
	allowed := guard{allowPrivate: s.cfg.AllowPrivate, unencrypted: u.Scheme != "https"}
	dialer := &net.Dialer{Resolver: s.cfg.Resolver, ControlContext: allowed.control}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, newError(err, CodeUnknown)
	}
	// Closes below TLS, whose Close waits up to five seconds for a receiver that does not read.
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	if allowed.unencrypted {
		return conn, nil
	}
	encrypted := tls.Client(conn, &tls.Config{
		ServerName: u.Hostname(), RootCAs: s.cfg.RootCAs, MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
	})
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, newError(err, CodeTLS)
	}
	return encrypted, nil
}

// endedBy returns the failure, with the code of the context if that has ended.
func (e *Error) endedBy(ctx context.Context) *Error {
	switch err := ctx.Err(); {
	case err == nil || e.Failure != Temporary:
	case errors.Is(err, context.Canceled):
		e.Code = CodeCancelled
	default:
		e.Code = CodeTimeout
	}
	return e
}

// judge returns the failure of a response, or nil for a success.
func (s *sender) judge(response *http.Response) *Error {
	status := response.StatusCode
	failure := &Error{Code: fmt.Sprintf("http %03d", status)}
	switch {
	case status >= 200 && status <= 299:
		return nil
	case status >= 300 && status <= 399:
		failure.Code = CodeRedirect
	case status == http.StatusGone:
		failure.Failure = Gone
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		failure.RetryAfter = retryAfter(response.Header.Get("Retry-After"), s.clock.Now())
	}
	return failure
}

// retryAfter parses a number of seconds or an HTTP date (RFC 9110, section 10.2.3). It returns 0 for another text and
// for a time that has passed.
func retryAfter(text string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second // #nosec G115 -- bounded
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
