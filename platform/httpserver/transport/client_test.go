package transport

import (
	"bufio"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestX10_ClientReadsOneHeader(t *testing.T) {
	const untrusted, unreadable = "requests come through a proxy", "cannot be read"
	for name, c := range map[string]struct {
		trusted                                []netip.Prefix
		header, peer, xForwardedFor, forwarded string
		client, warning                        string
	}{
		"X-Forwarded-For":      {proxies, "", "10.0.0.1", "192.0.2.1", "for=192.0.2.2", "192.0.2.1", ""},
		"Forwarded":            {proxies, Forwarded, "10.0.0.1", "192.0.2.1", "for=192.0.2.2", "192.0.2.2", ""},
		"an untrusted peer":    {proxies, "", "192.0.2.9", "192.0.2.1", "", "192.0.2.9", ""},
		"an unreadable header": {proxies, "", "10.0.0.1", "?", "", "10.0.0.1", unreadable},
		"a private peer, not configured as a proxy":      {nil, "", "10.0.0.1", "192.0.2.1", "", "10.0.0.1", untrusted},
		"a loopback peer, not configured as a proxy":     {nil, "", "127.0.0.1", "", "for=a", "127.0.0.1", untrusted},
		"a link-local peer, not configured as a proxy":   {nil, "", "fe80::1", "192.0.2.1", "", "fe80::1", untrusted},
		"a public peer, which may write any header":      {nil, "", "192.0.2.9", "192.0.2.1", "", "192.0.2.9", ""},
		"a private peer that sends no forwarding header": {nil, "", "10.0.0.1", "", "", "10.0.0.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			a := &Addresses{Trusted: c.trusted, Header: c.header, Log: zap.New(core)}
			var request fasthttp.Request
			for header, value := range map[string]string{"X-Forwarded-For": c.xForwardedFor, Forwarded: c.forwarded} {
				if value != "" {
					request.Header.Set(header, value)
				}
			}
			var ctx fasthttp.RequestCtx
			ctx.Init(&request, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.peer), 1)), nil)
			for range 2 {
				require.Equal(t, c.client, a.Client(&ctx).String())
			}
			if c.warning == "" {
				require.Zero(t, logs.Len())
				return
			}
			require.Equal(t, 1, logs.Len(), "the warning is logged once")
			require.Contains(t, logs.All()[0].Message, c.warning)
		})
	}
}

// TestR22_WellFramed covers requests that fasthttp accepts and that other implementations may interpret differently.
func TestR22_WellFramed(t *testing.T) {
	const host = "Host: a.test\r\n"
	for name, c := range map[string]struct {
		head string
		want bool
	}{
		"a plain request":         {"GET / HTTP/1.1\r\n" + host, true},
		"HTTP/1.0":                {"GET / HTTP/1.0\r\n" + host, true},
		"another version":         {"GET / HTTP/1.2\r\n" + host, false},
		"a chunked body":          {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: \tChunked\r\n", true},
		"another transfer coding": {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n", false},
		"a length":                {"POST / HTTP/1.1\r\n" + host + "Content-Length: 0\r\n", true},
		"a length and chunks": {
			"POST / HTTP/1.1\r\n" + host + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", false,
		},
		"a line that ends in LF":    {"GET / HTTP/1.1\r\n" + host + "A: b\nC: d\r\n", false},
		"a folded line":             {"GET / HTTP/1.1\r\n" + host + "A: b\r\n c: d\r\n", false},
		"two tokens":                {"GET / HTTP/1.1\r\n" + host + "Authorization: a\r\nauthorization: b\r\n", false},
		"two other headers":         {"GET / HTTP/1.1\r\n" + host + "A: a\r\nA: b\r\n", true},
		"the address names Host":    {"GET http://A.test/ HTTP/1.1\r\n" + host, true},
		"the address names another": {"GET http://b.test/ HTTP/1.1\r\n" + host, false},
	} {
		t.Run(name, func(t *testing.T) {
			var r fasthttp.Request
			require.NoError(t, r.Header.Read(bufio.NewReader(strings.NewReader(c.head+"\r\n"))))
			require.Equal(t, c.want, WellFramed(&r))
		})
	}
}

func TestBodiesThatAreNotRead(t *testing.T) {
	bodies := &Bodies{Limit: 10}
	for name, c := range map[string]struct {
		length int
		expect string
		want   error
	}{
		"a body of the largest size": {10, "", nil},
		"a body that is too large":   {11, "", fasthttp.ErrBodyTooLarge},
		"an expectation":             {10, "100-Continue", nil},
		"another expectation":        {10, "a miracle", ErrExpectation},
	} {
		t.Run(name, func(t *testing.T) {
			var header fasthttp.RequestHeader
			header.SetContentLength(c.length)
			if c.expect != "" {
				header.Set(fasthttp.HeaderExpect, c.expect)
			}
			require.Equal(t, 1, bodies.HeaderReceived(&header).MaxRequestBodySize)
			require.ErrorIs(t, Rejected(&header), c.want)
			require.Equal(t, c.want != nil, header.ContentLength() == 0)
		})
	}
}
