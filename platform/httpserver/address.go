package httpserver

import (
	"net"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// ClientAddress is who sent the request, past the proxies that the operator trusts; invalid where the peer has no IP address.
func ClientAddress(c *fiber.Ctx) netip.Addr { return callOf(c).server.clientAddress(c.Context()) }

// clientAddress is who sent the request: the peer, or, while that is a trusted proxy, the hop it names, walked from the right. Fiber's own
// c.IP() takes the left-most entry of X-Forwarded-For, which is whatever the client wrote.
func (s *Server) clientAddress(ctx *fasthttp.RequestCtx) netip.Addr {
	var peer netip.Addr
	if tcp, ok := ctx.RemoteAddr().(*net.TCPAddr); ok {
		peer = tcp.AddrPort().Addr()
	}
	var hops []string
	for _, line := range ctx.Request.Header.PeekAll(fiber.HeaderXForwardedFor) {
		hops = append(hops, strings.Split(string(line), ",")...)
	}
	return walk(peer, hops, s.cfg.TrustedProxies)
}

func walk(peer netip.Addr, hops []string, trusted []netip.Prefix) netip.Addr {
	address := bare(peer)
	for i := len(hops) - 1; i >= 0 && isTrusted(address, trusted); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // what a trusted proxy did not write as an address ends the walk at that proxy
		}
		address = bare(hop)
	}
	return address
}

// bare is the address that prefixes compare: IPv4 as such, and no zone, which in a hop may be any text.
func bare(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

func isTrusted(address netip.Addr, trusted []netip.Prefix) bool {
	for _, prefix := range trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}
