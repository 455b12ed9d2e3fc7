package webhook

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// permits reports whether a guard lets the dialer connect to an address with a port.
func permits(g guard, target string) bool {
	return g.control(context.Background(), "tcp", target, nil) == nil
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0",
		"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0",
		"223.255.255.255", "168.63.129.15",
		"[2001:200::1]", "[2001:db7::1]", "[2001:4860:4860::8888]", "[2003::1]", "[2606:4700::1111]",
		"[2620:4f:8001::1]",
		"[3ffe::1]", "[::ffff:8.8.8.8]",
	} {
		require.True(t, permits(guard{}, address+":443"), address)
		require.True(t, permits(guard{}, address+":1024"), address)
		require.True(t, permits(guard{}, address+":65535"), address)
		for _, port := range []string{"0", "1", "22", "25", "80", "442", "444", "1023"} {
			require.False(t, permits(guard{}, address+":"+port), "%s:%s", address, port)
		}
		require.False(t, permits(guard{unencrypted: true}, address+":8080"), "http to %s", address)
	}
}

// forbidden lists addresses that are refused unless the operator allows them: the first and the last one of ranges,
// forms with an embedded IPv4 address, and those of clouds.
var forbidden = []string{
	"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255",
	"127.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.255.255",
	"172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.8", "192.0.0.192", "192.0.0.255", "192.0.2.1",
	"192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.0", "192.168.255.255", "192.175.48.1", "198.18.0.0",
	"198.19.255.255", "198.51.100.1", "203.0.113.255", "224.0.0.1", "239.255.255.255", "240.0.0.1",
	"255.255.255.254", "255.255.255.255", "168.63.129.16",

	"[::]", "[::1]", "[::127.0.0.1]", "[::8.8.8.8]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]",
	"[::ffff:169.254.169.254]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]",
	"[64:ff9b::8.8.8.8]", "[64:ff9b:1::1]", "[64:ff9b:1:ffff::10.0.0.1]", "[100::1]", "[100:0:0:1::1]", "[200::1]",
	"[2001::1]", "[2001:0:7f00:1::]", "[2001:2::1]", "[2001:10::1]", "[2001:20::1]", "[2001:30::1]", "[2001:1ff::1]",
	"[2001:db8::1]", "[2001:db8:ffff::1]", "[2002:7f00:1::]", "[2002:808:808::1]", "[2620:4f:8000::1]", "[3fff::1]",
	"[3fff:fff::1]", "[4000::1]", "[5f00::1]", "[fc00::1]", "[fd00::1]", "[fd00:ec2::254]", "[fd20:ce::254]",
	"[fdff:ffff::1]", "[fe80::1]", "[fe80::1%eth0]", "[febf::1]", "[fec0::1]", "[feff::1]", "[ff00::1]", "[ff02::1]",
	"[2606:4700::1111%eth0]", "[::1%lo]",
}

func TestForbiddenAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range forbidden {
		require.False(t, permits(guard{}, address+":443"), address)
		require.False(t, permits(guard{unencrypted: true}, address+":8080"), address)
		other := guard{allowPrivate: prefixes("10.9.9.9/32", "fd99::/64", "169.254.9.9/32", "::ffff:0:0/96")}
		require.False(t, permits(other, address+":443"), "another prefix allows %s", address)
	}
	for _, text := range []string{
		"", ":443", "127.0.0.1", "1.1.1.1", "host:443", "1.1.1.1:http", "[1.1.1.1]:443", "1.1:443",
	} {
		require.False(t, permits(guard{allowPrivate: prefixes("0.0.0.0/0")}, text), "%q", text)
	}
}

func TestAllowPrivate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		allowed, target string
		want            bool
	}{
		{"10.1.0.0/16", "10.1.255.255", true},
		{"10.1.0.0/16", "10.2.0.0", false},
		{"10.1.0.0/16", "[::ffff:10.1.0.1]", true},
		{"127.0.0.1/32", "127.0.0.1", true},
		{"127.0.0.1/32", "127.0.0.2", false},
		{"127.0.0.1/32", "[::1]", false},
		{"fd00::/8", "[fd12::1]", true},
		{"fd00::/8", "[fd12::1%eth0]", false},
		{"127.0.0.1/32", "[::ffff:127.0.0.1%lo]", false},
		// Addresses of clouds and link-local ones have to be named.
		{"0.0.0.0/0", "169.254.169.254", false},
		{"169.254.0.0/16", "169.254.169.254", false},
		{"169.254.169.254/31", "169.254.169.254", false},
		{"169.254.169.254/32", "169.254.169.254", true},
		{"169.254.169.254/32", "169.254.169.253", false},
		{"169.254.169.254/32", "[::ffff:169.254.169.254]", true},
		{"100.64.0.0/10", "100.100.100.200", false},
		{"100.64.0.0/10", "100.100.100.201", true},
		{"100.100.100.200/32", "100.100.100.200", true},
		{"168.63.0.0/16", "168.63.129.16", false},
		{"fd00::/8", "[fd00:ec2::254]", false},
		{"fd00:ec2::254/128", "[fd00:ec2::254]", true},
		{"fd00::/8", "[fd20:ce::254]", false},
		{"fd00::/8", "[fd20:ce::255]", true},
		{"fd00::/8", "[fd00:c1::a9fe:a9fe]", false},
		{"fd00::/8", "[fd00:42::42]", false},
		{"192.0.0.0/24", "192.0.0.192", false},
		{"192.0.0.0/24", "192.0.0.191", true},
		{"::/0", "[fe80::1]", false},
		// NAT64 also needs a permitted IPv4 address.
		{"64:ff9b::/96", "[64:ff9b::10.0.0.1]", false},
		{"64:ff9b::/96", "[64:ff9b::169.254.169.254]", false},
		{"64:ff9b::169.254.169.254/128", "[64:ff9b::169.254.169.254]", false},
	} {
		g := guard{allowPrivate: []netip.Prefix{netip.MustParsePrefix(test.allowed)}}
		require.Equal(t, test.want, permits(g, test.target+":443"), "%s with %s", test.target, test.allowed)
		g.unencrypted = true
		require.Equal(t, test.want, permits(g, test.target+":8080"), "%s with %s, http", test.target, test.allowed)
		require.False(t, permits(g, test.target+":80"), test.target)
	}
	network := guard{allowPrivate: prefixes("64:ff9b::/96")}
	require.True(t, permits(network, "[64:ff9b::8.8.8.8]:443"))
	network.unencrypted = true
	require.False(t, permits(network, "[64:ff9b::8.8.8.8]:8080"), "http to a public address")
}
