package httpserver

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func lines(texts ...string) (all [][]byte) {
	for _, text := range texts {
		all = append(all, []byte(text))
	}
	return all
}

var proxies = prefixes("10.0.0.0/8", "fd00::/8")

func TestX10_Walk(t *testing.T) {
	for name, c := range map[string]struct{ peer, hops, client string }{
		"an untrusted peer is the client, whatever it says":      {"203.0.113.9", "192.0.2.1", "203.0.113.9"},
		"an untrusted peer cannot name a proxy":                  {"203.0.113.9", "192.0.2.1,10.0.0.1", "203.0.113.9"},
		"a proxy that says nothing is the client":                {"10.0.0.1", "", "10.0.0.1"},
		"a proxy names the client":                               {"10.0.0.1", "192.0.2.1", "192.0.2.1"},
		"what the client wrote to the left is ignored":           {"10.0.0.1", "198.51.100.7,192.0.2.1", "192.0.2.1"},
		"a client that names a proxy to its left gains nothing":  {"10.0.0.1", "10.0.0.2,192.0.2.1", "192.0.2.1"},
		"two proxies are walked":                                 {"10.0.0.1", "198.51.100.7,192.0.2.1,10.0.0.2", "192.0.2.1"},
		"where all are proxies, the first is the client":         {"10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"},
		"white space around a hop is not part of it":             {"10.0.0.1", " 192.0.2.1 ,\t10.0.0.2 ", "192.0.2.1"},
		"an IPv6 proxy names an IPv6 client":                     {"fd00::1", "2001:db8::1", "2001:db8::1"},
		"an IPv6 peer that is not a proxy is the client":         {"2001:db8::1", "192.0.2.1", "2001:db8::1"},
		"an IPv4 address in IPv6's clothes is that IPv4 address": {"10.0.0.1", "::ffff:192.0.2.1", "192.0.2.1"},
		"a proxy in IPv6's clothes is that proxy":                {"10.0.0.1", "192.0.2.1,::ffff:10.0.0.2", "192.0.2.1"},
		"garbage ends the walk at the proxy that wrote it":       {"10.0.0.1", "192.0.2.1,garbage", "10.0.0.1"},
		"garbage to the left of the client is not reached":       {"10.0.0.1", "garbage,192.0.2.1", "192.0.2.1"},
		"empty elements are skipped":                             {"10.0.0.1", ",192.0.2.1, ,\t,", "192.0.2.1"},
		"only empty elements name nobody":                        {"10.0.0.1", ", ,", "10.0.0.1"},
		"an address with a port, as Azure sends it":              {"10.0.0.1", "192.0.2.1:51234", "192.0.2.1"},
		"a proxy with a port is that proxy":                      {"10.0.0.1", "192.0.2.1:443,10.0.0.2:51234", "192.0.2.1"},
		"an IPv6 address in brackets":                            {"10.0.0.1", "[2001:db8::1]", "2001:db8::1"},
		"an IPv6 address in brackets with a port":                {"10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"},
		"an IPv6 address in capitals":                            {"10.0.0.1", "[2001:DB8::A]:4711", "2001:db8::a"},
		"a whole IPv6 address with a port and no brackets":       {"10.0.0.1", "2001:db8:0:0:0:0:0:1:4711", "2001:db8::1"},
		"an IPv4 address in IPv6's clothes with a port":          {"10.0.0.1", "[::ffff:192.0.2.1]:80", "192.0.2.1"},
		"an address in quotation marks":                          {"10.0.0.1", `"192.0.2.1"`, "192.0.2.1"},
		"an address with a port in quotation marks":              {"10.0.0.1", `198.51.100.7, "[2001:db8::1]:4711"`, "2001:db8::1"},
		"a zone in brackets is dropped":                          {"10.0.0.1", "[fe80::1%eth0]:80", "fe80::1"},
		"a quotation mark of the client's hides no element":      {"10.0.0.1", `"198.51.100.7, 192.0.2.1`, "192.0.2.1"},
		"a port that is too large is not an address":             {"10.0.0.1", "192.0.2.1:65536", "10.0.0.1"},
		"a port that is no number is not an address":             {"10.0.0.1", "192.0.2.1:http", "10.0.0.1"},
		"a bracket that is not closed is not an address":         {"10.0.0.1", "[2001:db8::1", "10.0.0.1"},
		"a bracket that is not opened is not an address":         {"10.0.0.1", "2001:db8::1]:4711", "10.0.0.1"},
		"a pair of Forwarded is not an address":                  {"10.0.0.1", "for=192.0.2.1", "10.0.0.1"},
		"empty quotation marks are not an address":               {"10.0.0.1", `192.0.2.1,""`, "10.0.0.1"},
		"a name is not an address":                               {"10.0.0.1", "client.example", "10.0.0.1"},
		"garbage ends the walk at the last address that is read": {"10.0.0.1", "192.0.2.1,_,10.0.0.2:80", "10.0.0.2"},
		"an address with leading zeros is not an address":        {"10.0.0.1", "192.0.02.1", "10.0.0.1"},
		"an address as one number is not an address":             {"10.0.0.1", "3221225985", "10.0.0.1"},
		"a range is not an address":                              {"10.0.0.1", "192.0.2.0/24", "10.0.0.1"},
		"unknown, as RFC 7239 spells it, is not an address":      {"10.0.0.1", "unknown", "10.0.0.1"},
		"a zone, which may be any text, is dropped":              {"10.0.0.1", "fe80::1%Ananya Verma", "fe80::1"},
		"a proxy with a zone is that proxy":                      {"10.0.0.1", "192.0.2.1,fd00::1%eth0", "192.0.2.1"},
		"a peer with a zone that is a proxy is a proxy":          {"fd00::1%eth0", "192.0.2.1", "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := walk(netip.MustParseAddr(c.peer), lines(c.hops), proxies, parseHop)
			require.Equal(t, c.client, client.String())
		})
	}
	t.Run("without trusted proxies nobody is believed", func(t *testing.T) {
		client, _ := walk(netip.MustParseAddr("127.0.0.1"), lines("192.0.2.1"), nil, parseHop)
		require.Equal(t, "127.0.0.1", client.String())
	})
}

func TestX10_WalkLaws(t *testing.T) {
	hop := rapid.OneOf(
		rapid.SampledFrom([]string{"10.0.0.1", "10.9.9.9", "fd00::1", "::ffff:10.1.1.1", "fd00::1%a"}), // proxies
		rapid.SampledFrom([]string{"192.0.2.1", "203.0.113.9", "2001:db8::1", "::ffff:192.0.2.1"}),     // others
		rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != ',' && r != '"' })),
	)
	address := rapid.SampledFrom([]string{"10.0.0.1", "fd00::2", "192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"})
	trusts := func(text string) bool {
		a, ok := parseHop(strings.Trim(text, " \t"))
		return ok && isTrusted(bare(a), proxies)
	}
	rapid.Check(t, func(t *rapid.T) {
		peer := netip.MustParseAddr(address.Draw(t, "peer"))
		hops := rapid.SliceOfN(hop, 0, 8).Draw(t, "hops")
		client, _ := walk(peer, lines(strings.Join(hops, ",")), proxies, parseHop)

		// An untrusted peer is never believed.
		if !isTrusted(peer, proxies) {
			require.Equal(t, peer, client)
		}
		// Who is not the peer was named by a chain of proxies alone, from the peer leftwards.
		if client != peer {
			last := len(hops) - 1
			for last >= 0 && (strings.Trim(hops[last], " \t") == "" || trusts(hops[last])) {
				last--
			}
			named := hops[max(last, 0):]
			require.True(t, slices.ContainsFunc(named, func(text string) bool {
				a, ok := parseHop(strings.Trim(text, " \t"))
				return ok && bare(a) == client
			}), "%s was not named by a proxy", client)
		}
		// Whoever is not a proxy changes nothing by writing more to the left.
		if !isTrusted(client, proxies) {
			forged := append(rapid.SliceOfN(rapid.OneOf(hop, rapid.String()), 0, 4).Draw(t, "forged"), hops...)
			again, _ := walk(peer, lines(strings.Join(forged, ",")), proxies, parseHop)
			if _, unreadable := walk(peer, lines(strings.Join(hops, ",")), proxies, parseHop); !unreadable && client != peer {
				require.Equal(t, client, again)
			}
		}
		require.Empty(t, client.Zone())
		require.False(t, client.Is4In6())
	})
}

func TestX10_TheLogNamesTheClient(t *testing.T) {
	client := func(t *testing.T, trusted []netip.Prefix, headers ...string) any {
		t.Helper()
		s := serve(t, func(c *Config) { c.TrustedProxies = trusted })
		raw := "GET /things/ HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(headers, "\r\n"), "\r\n")
		require.Equal(t, http.StatusOK, s.talk(t, raw)[0].status)
		return s.logged.FilterMessage("request").All()[0].ContextMap()["client"]
	}
	here := prefixes("127.0.0.0/8")
	t.Run("the peer, when it is not a proxy", func(t *testing.T) {
		require.Equal(t, "127.0.0.1", client(t, nil, "X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1"))
	})
	t.Run("whom a proxy names in the last of several lines", func(t *testing.T) {
		require.Equal(t, "192.0.2.1", client(t, here, "X-Forwarded-For: 198.51.100.7", "x-forwarded-for: 203.0.113.9, 192.0.2.1"))
	})
	t.Run("whom the proxy before this one names, across lines", func(t *testing.T) {
		require.Equal(t, "192.0.2.1", client(t, here, "X-Forwarded-For: 198.51.100.7, 192.0.2.1", "X-Forwarded-For: 127.0.0.2"))
	})
	t.Run("the proxy, when only other headers name someone", func(t *testing.T) {
		require.Equal(t, "127.0.0.1", client(t, here, "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1", "X-Client-IP: 192.0.2.1"))
	})
}
