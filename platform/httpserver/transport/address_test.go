package transport

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

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
		"an untrusted peer is the client with any header":       {"203.0.113.9", "192.0.2.1", "203.0.113.9"},
		"an untrusted peer cannot name a proxy":                 {"203.0.113.9", "192.0.2.1,10.0.0.1", "203.0.113.9"},
		"a proxy that sends no header is the client":            {"10.0.0.1", "", "10.0.0.1"},
		"a proxy names the client":                              {"10.0.0.1", "192.0.2.1", "192.0.2.1"},
		"the client's own text to the left is ignored":          {"10.0.0.1", "198.51.100.7,192.0.2.1", "192.0.2.1"},
		"a client that names a proxy to its left gains nothing": {"10.0.0.1", "10.0.0.2,192.0.2.1", "192.0.2.1"},
		"two proxies are walked": {
			"10.0.0.1", "198.51.100.7,192.0.2.1,10.0.0.2", "192.0.2.1",
		},
		"where all are proxies, the first is the client":    {"10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"},
		"white space around a hop is not part of it":        {"10.0.0.1", " 192.0.2.1 ,\t10.0.0.2 ", "192.0.2.1"},
		"an IPv6 proxy names an IPv6 client":                {"fd00::1", "2001:db8::1", "2001:db8::1"},
		"an IPv6 peer that is not a proxy is the client":    {"2001:db8::1", "192.0.2.1", "2001:db8::1"},
		"an IPv4 address in IPv6 form is that IPv4 address": {"10.0.0.1", "::ffff:192.0.2.1", "192.0.2.1"},
		"a proxy in IPv6 form is that proxy": {
			"10.0.0.1", "192.0.2.1,::ffff:10.0.0.2", "192.0.2.1",
		},
		"garbage ends the walk at the proxy that wrote it": {"10.0.0.1", "192.0.2.1,garbage", "10.0.0.1"},
		"garbage to the left of the client is not reached": {"10.0.0.1", "garbage,192.0.2.1", "192.0.2.1"},
		"empty elements are skipped":                       {"10.0.0.1", ",192.0.2.1, ,\t,", "192.0.2.1"},
		"only empty elements are no client":                {"10.0.0.1", ", ,", "10.0.0.1"},
		"an address with a port, as Azure sends it":        {"10.0.0.1", "192.0.2.1:51234", "192.0.2.1"},
		"a proxy with a port is that proxy": {
			"10.0.0.1", "192.0.2.1:443,10.0.0.2:51234", "192.0.2.1",
		},
		"an IPv6 address in brackets":             {"10.0.0.1", "[2001:db8::1]", "2001:db8::1"},
		"an IPv6 address in brackets with a port": {"10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"},
		"an IPv6 address in capitals":             {"10.0.0.1", "[2001:DB8::A]:4711", "2001:db8::a"},
		"a whole IPv6 address with a port and no brackets": {
			"10.0.0.1", "2001:db8:0:0:0:0:0:1:4711", "2001:db8::1",
		},
		"an IPv4 address in IPv6 form with a port": {"10.0.0.1", "[::ffff:192.0.2.1]:80", "192.0.2.1"},
		"an address in quotation marks":            {"10.0.0.1", `"192.0.2.1"`, "192.0.2.1"},
		"an address with a port in quotation marks": {
			"10.0.0.1", `198.51.100.7, "[2001:db8::1]:4711"`, "2001:db8::1",
		},
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
	t.Run("without trusted proxies the peer is the client", func(t *testing.T) {
		client, _ := walk(netip.MustParseAddr("127.0.0.1"), lines("192.0.2.1"), nil, parseHop)
		require.Equal(t, "127.0.0.1", client.String())
	})
}

func TestX10_WalkProperties(t *testing.T) {
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

		// The header of an untrusted peer is ignored.
		if !isTrusted(peer, proxies) {
			require.Equal(t, peer, client)
		}
		// A client other than the peer was named by an unbroken chain of proxies, from the peer leftwards.
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
		// Elements that an untrusted client adds to the left change nothing.
		if !isTrusted(client, proxies) {
			forged := append(rapid.SliceOfN(rapid.OneOf(hop, rapid.String()), 0, 4).Draw(t, "forged"), hops...)
			again, _ := walk(peer, lines(strings.Join(forged, ",")), proxies, parseHop)
			require.Equal(t, client, again)
		}
		require.Empty(t, client.Zone())
		require.False(t, client.Is4In6())
	})
}

// TestForwarded covers the header of RFC 7239.
func TestForwarded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines      []string
		client     string
		unreadable bool
	}{
		"an address": {[]string{`for=192.0.2.1`}, "192.0.2.1", false},
		"parameters in any order and letter case": {
			[]string{`proto=https;By=10.0.0.1;FOR=192.0.2.1;host=a`}, "192.0.2.1", false,
		},
		"an IPv6 address with a port": {
			[]string{`for="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17", false,
		},
		"an IPv6 address without a port": {
			[]string{`For="[2001:db8:cafe::17]"`}, "2001:db8:cafe::17", false,
		},
		"an obfuscated port":         {[]string{`for="192.0.2.1:_gazonk"`}, "192.0.2.1", false},
		"escapes in quotation marks": {[]string{`for="192\.0.2.\1"`}, "192.0.2.1", false},
		"spaces around pairs and elements": {
			[]string{` by=a ; for = 192.0.2.1 ,	for=10.0.0.2 `}, "192.0.2.1", false,
		},
		"separators inside quotation marks": {
			[]string{`by="a,b;for=198.51.100.7\"";for=192.0.2.1`}, "192.0.2.1", false,
		},
		"several proxies": {
			[]string{`for=198.51.100.7, for=192.0.2.1, for="10.0.0.2:80"`}, "192.0.2.1", false,
		},
		"several lines": {
			[]string{`for=198.51.100.7`, `for=192.0.2.1`, `for=10.0.0.2`}, "192.0.2.1", false,
		},
		"empty elements": {[]string{`for=192.0.2.1,, ,`}, "192.0.2.1", false},
		"empty pairs":    {[]string{`;for=192.0.2.1;;`}, "192.0.2.1", false},
		"a quotation mark that the client left open": {
			[]string{`for="198.51.100.7, for=192.0.2.1`}, "192.0.2.1", false,
		},
		"an escape that the client left open":     {[]string{`for="\, for=192.0.2.1`}, "192.0.2.1", false},
		"an unknown client":                       {[]string{`for=192.0.2.1, for=unknown`}, "10.0.0.1", true},
		"an obfuscated client":                    {[]string{`for=192.0.2.1, for=_hidden`}, "10.0.0.1", true},
		"an element without for":                  {[]string{`for=192.0.2.1, proto=https`}, "10.0.0.1", true},
		"for twice":                               {[]string{`for=192.0.2.1;for=192.0.2.2`}, "10.0.0.1", true},
		"an address as X-Forwarded-For has it":    {[]string{`192.0.2.1`}, "10.0.0.1", true},
		"garbage behind a proxy that can be read": {[]string{`for=?, for=10.0.0.3`}, "10.0.0.3", true},
	} {
		t.Run(name, func(t *testing.T) {
			client, unreadable := walk(netip.MustParseAddr("10.0.0.1"), lines(c.lines...), proxies, parseForwarded)
			require.Equal(t, c.client, client.String())
			require.Equal(t, c.unreadable, unreadable)
		})
	}
}

func TestOnceAMinute(t *testing.T) {
	var o OnceAMinute
	start := time.Now()
	require.True(t, o.Allow(start))
	require.False(t, o.Allow(start.Add(time.Minute-1)))
	require.True(t, o.Allow(start.Add(time.Minute)))
}
