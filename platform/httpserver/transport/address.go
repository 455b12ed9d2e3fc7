package transport

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"
)

// Addresses determines the addresses of clients. Its fields must not change after the first call.
type Addresses struct {
	Trusted []netip.Prefix // proxies
	Header  string         // header in which trusted proxies name the client: Forwarded, otherwise X-Forwarded-For
	Log     *zap.Logger

	unreadableHop OnceAMinute
	warnedOfProxy atomic.Bool
}

// Forwarded is the header of RFC 7239, for Addresses.Header.
const Forwarded = "Forwarded"

// Client returns the address of the client: the peer or, if the peer is a trusted proxy, the right-most address in the
// forwarding header that is not a trusted proxy. Fiber's own c.IP() returns the left-most entry of X-Forwarded-For,
// which the client wrote. Only one header is read, because a proxy passes on the header that it does not set.
func (a *Addresses) Client(ctx *fasthttp.RequestCtx) netip.Addr {
	var peer netip.Addr
	if tcp, ok := ctx.RemoteAddr().(*net.TCPAddr); ok {
		peer = bare(tcp.AddrPort().Addr())
	}
	if len(a.Trusted) == 0 {
		a.warnOfUntrustedProxy(ctx, peer)
		return peer
	}
	header, parse := fiber.HeaderXForwardedFor, parseHop
	if a.Header == Forwarded {
		header, parse = Forwarded, parseForwarded
	}
	if !isTrusted(peer, a.Trusted) {
		return peer
	}
	client, unreadable := walk(peer, ctx.Request.Header.PeekAll(header), a.Trusted, parse)
	if unreadable && a.unreadableHop.Allow(time.Now()) {
		a.Log.Warn(
			"an address in a forwarding header cannot be read: the last proxy that can be read counts as the client",
			zap.String("header", header),
		)
	}
	return client
}

// walk follows the addresses that proxies name, from the right, while they are trusted. It stops before an element that
// cannot be parsed, and returns unreadable.
func walk(
	peer netip.Addr, lines [][]byte, trusted []netip.Prefix, parse func(string) (netip.Addr, bool),
) (client netip.Addr, unreadable bool) {
	client = bare(peer)
	if !isTrusted(client, trusted) {
		return client, false
	}
	for element := range elements(lines) {
		hop, ok := parse(element)
		if !ok {
			return client, true
		}
		if client = bare(hop); !isTrusted(client, trusted) {
			break
		}
	}
	return client, false
}

// warnOfUntrustedProxy logs once that requests pass through a proxy although no proxy is configured.
func (a *Addresses) warnOfUntrustedProxy(ctx *fasthttp.RequestCtx, peer netip.Addr) {
	if a.warnedOfProxy.Load() || !peer.IsPrivate() && !peer.IsLoopback() && !peer.IsLinkLocalUnicast() {
		return
	}
	for _, header := range []string{fiber.HeaderXForwardedFor, Forwarded} {
		if len(ctx.Request.Header.PeekAll(header)) > 0 && a.warnedOfProxy.CompareAndSwap(false, true) {
			a.Log.Warn(
				"requests come through a proxy, and TRUSTED_PROXIES is not set: every client counts as the proxy",
				zap.String("header", header),
			)
		}
	}
}

// OnceAMinute limits the frequency of a log line that clients can cause.
type OnceAMinute struct{ last atomic.Int64 } // Unix nanoseconds

// Allow reports whether the line may be logged now.
func (o *OnceAMinute) Allow(now time.Time) bool {
	last := o.last.Load()
	return (last == 0 || now.UnixNano()-last >= int64(time.Minute)) && o.last.CompareAndSwap(last, now.UnixNano())
}

// bare returns the address in the form that prefixes compare: without an IPv6 form of IPv4, and without a zone, which
// may be any text.
func bare(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

func isTrusted(address netip.Addr, trusted []netip.Prefix) bool {
	for _, prefix := range trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}
