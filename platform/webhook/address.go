package webhook

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// special lists the special-purpose addresses of IANA (the IPv4 and IPv6 registries of RFC 6890, as of October 2025),
// also those that are globally reachable: none of them belongs to one receiver. For IPv6 it lists those in globalIPv6.
var special = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private use
	"100.64.0.0/10",   // shared address space (CGNAT)
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local
	"172.16.0.0/12",   // private use
	"192.0.0.0/24",    // IETF protocol assignments
	"192.0.2.0/24",    // documentation
	"192.31.196.0/24", // AS112
	"192.52.193.0/24", // AMT
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private use
	"192.175.48.0/24", // AS112
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast

	"2001::/23",         // IETF protocol assignments, with Teredo and ORCHID
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4, which contains an IPv4 address
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
)

var (
	// globalIPv6 is the only block that IANA has opened for global unicast. Everything outside it is refused: loopback,
	// IPv4-compatible, 100::/64, 5f00::/16, fc00::/7, fe80::/10, fec0::/10, ff00::/8 and blocks of future standards.
	globalIPv6 = netip.MustParsePrefix("2000::/3")

	// nat64 contains an IPv4 address in its last four bytes (RFC 6052).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// metadata lists addresses at which clouds give credentials to their machines. AllowPrivate has to name each of them.
var metadata = prefixes(
	"169.254.0.0/16", "fe80::/10", // link-local: 169.254.169.254, 169.254.170.2 and others
	"fd00:ec2::/32",      // AWS
	"fd20:ce::254/128",   // Google
	"fd00:c1::/32",       // Oracle
	"192.0.0.192/32",     // Oracle
	"fd00:42::42/128",    // Scaleway
	"100.100.100.200/32", // Alibaba
	"168.63.129.16/32",   // Azure; a public address otherwise
)

func prefixes(texts ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		parsed[i] = netip.MustParsePrefix(text)
	}
	return parsed
}

func containedIn(list []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(address) })
}

// isPublic reports whether address may be called without the operator's permission. It is not IPv4 in IPv6.
func isPublic(address netip.Addr) bool {
	return (address.Is4() || globalIPv6.Contains(address)) && !containedIn(special, address) &&
		!containedIn(metadata, address)
}

// errForbidden is the error of a connection that the guard has rejected.
var errForbidden = errors.New("forbidden address")

// guard decides which addresses a connection may have.
type guard struct {
	allowPrivate []netip.Prefix
	unencrypted  bool // http, which is for private addresses only
}

// control implements net.Dialer.ControlContext. The dialer calls it with each address that it is about to connect to,
// after every look-up. So a name whose address changes between a check and the connection is rejected as well.
func (g guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !isPermittedPort(target.Port()) || !g.permits(target.Addr()) {
		return errForbidden
	}
	return nil
}

// isPermittedPort reports whether a port is that of https, or none that is reserved for other services.
func isPermittedPort(port uint16) bool { return port == httpsPort || port >= 1024 }

func (g guard) permits(address netip.Addr) bool {
	if !address.IsValid() || address.Zone() != "" {
		return false
	}
	address = address.Unmap()
	if nat64.Contains(address) {
		bytes := address.As16()
		return g.allows(address) && g.permits(netip.AddrFrom4([4]byte(bytes[12:])))
	}
	return g.allows(address) || !g.unencrypted && isPublic(address)
}

// allows reports whether the operator allows an address.
func (g guard) allows(address netip.Addr) bool {
	exactOnly := containedIn(metadata, address)
	return slices.ContainsFunc(g.allowPrivate, func(p netip.Prefix) bool {
		return p.Contains(address) && (p.IsSingleIP() || !exactOnly)
	})
}
