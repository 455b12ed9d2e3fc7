package webhook_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/webhook"
)

func TestCheckURLAccepts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"https://hooks.clinic.example", "https://hooks.clinic.example/", "https://hooks.clinic.example:443/a/b?c=d&e=%20",
		"https://hooks.clinic.example:1024/", "https://hooks.clinic.example:65535/", "HTTPS://Hooks.Clinic.Example/A",
		"https://bücher.example/", "https://xn--bcher-kva.example/", "https://例え.テスト/", "https://clinic.example/bücher",
		"https://8.8.8.8.example/", "https://1und1.example/", "https://local.clinic.example/", "https://a.b:/",
		"https://localhost.clinic.example/", "https://my-internal.example/",
		"https://hooks.clinic.example/" + strings.Repeat("a", 2048-len("https://hooks.clinic.example/")),
		"https://hooks.clinic.example/?to=http://127.0.0.1/@x", "https://hooks.clinic.example/%00%0d%0a",
	} {
		require.NoError(t, webhook.CheckURL(text, nil), text)
		require.NoError(t, webhook.CheckURL(text, anyAddress), text)
	}
}

// privateURLs lists the URLs that are valid only for an operator who allows private addresses.
var privateURLs = map[string][]string{
	"must begin with https://": {
		"http://hooks.clinic.example:8080/", "HTTP://hooks.clinic.example:8080/", "http://127.0.0.1:8080",
		"http://hooks.clinic.example:443/",
	},
	"must have the name of a public host such as hooks.clinic.example, " +
		"and neither an IP address nor a name of a private network": {
		"https://127.0.0.1/", "https://8.8.8.8/", "https://169.254.169.254/", "https://[::1]/", "https://[::]:8443/",
		"https://[::ffff:127.0.0.1]/", "https://[fd00:ec2::254]/", "https://[64:ff9b::7f00:1]/", "https://localhost/",
		"https://LOCALHOST/", "https://a.localhost/", "https://localhost.localdomain/", "https://printer.local/",
		"https://vault.internal/", "https://metadata.google.internal/", "https://db/", "https://nas.home.arpa/",
		"https://nas.lan/", "https://nas.corp/", "https://ｌｏｃａｌｈｏｓｔ/", "https://１２７.０.０.１.local/",
	},
}

// anyAddress allows all addresses.
var anyAddress = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("169.254.169.254/32"),
	netip.MustParsePrefix("fd00:ec2::254/128"),
}

func TestCheckURLAddresses(t *testing.T) {
	t.Parallel()
	some := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("169.254.0.0/16")}
	for text, permitted := range map[string]bool{
		"https://10.1.2.3/": true, "http://10.1.2.3:8080/": true, "https://8.8.8.8/": true, "https://nas.local/": true,
		"https://10.2.0.1/": false, "http://8.8.8.8:8080/": false, "https://127.0.0.1/": false, "https://[::1]/": false,
		"https://169.254.169.254/": false, "https://[::ffff:10.2.0.1]/": false, "https://[64:ff9b::a01:203]/": false,
	} {
		err := webhook.CheckURL(text, some)
		if permitted {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, "WEBHOOK_ALLOW_PRIVATE", text)
	}
}

func TestCheckURLPrivate(t *testing.T) {
	t.Parallel()
	for reason, texts := range privateURLs {
		for _, text := range texts {
			require.EqualError(t, webhook.CheckURL(text, nil), reason, text)
			require.NoError(t, webhook.CheckURL(text, anyAddress), text)
		}
	}
}

func TestCheckURLRejects(t *testing.T) {
	t.Parallel()
	const noURL, noHost = "must be a URL such as", "must have "
	for reason, texts := range map[string][]string{
		"must have at most 2048 characters": {
			"https://hooks.clinic.example/" + strings.Repeat("a", 2049-len("https://hooks.clinic.example/")),
		},
		noURL: {
			"https://hooks.clinic.example/a b", "https://hooks.clinic.example/?a b", " https://hooks.clinic.example/",
			"https://hooks.clinic.example/\r\nHost: x", "https://hooks.clinic.example/\x00", "https://[::1", "https://a\\b.c/",
			"https://hooks.clinic.example/?ü", "https://hooks.clinic.example/\xff", "https://hooks.clinic.example/\u202e",
			"https:hooks.clinic.example", "https://[hooks.clinic.example]/", "https://hooks.clinic.example:x/", "https://%31.clinic.example/",
		},
		"must begin with https://": {
			"", "hooks.clinic.example", "//hooks.clinic.example/", "ftp://hooks.clinic.example/", "file:///etc/passwd",
			"gopher://hooks.clinic.example:6379/", "httpss://hooks.clinic.example/", "unix:///run/docker.sock",
		},
		"must not contain a user or a password": {
			"https://user@hooks.clinic.example/", "https://user:password@hooks.clinic.example/",
			"https://@hooks.clinic.example/", "https://hooks.clinic.example@evil.example/",
			"https://hooks.clinic.example:443@127.0.0.1/",
		},
		"must not contain a fragment": {"https://hooks.clinic.example/#a", "https://hooks.clinic.example/#"},
		"must have the port 443 or a port from 1024 to 65535": {
			"https://hooks.clinic.example:0/", "https://hooks.clinic.example:80/", "https://hooks.clinic.example:22/",
			"https://hooks.clinic.example:1023/", "https://hooks.clinic.example:65536/",
			"https://hooks.clinic.example:99999999999999999999/",
		},
		noHost: {
			"https://", "https:///path", "https://:443/", "https://2130706433/", "https://127.1/", "https://127.0.1/",
			"https://0x7f.1/", "https://0x7f000001/", "https://0177.0.0.1/", "https://0/", "https://127.0.0.1./",
			"https://127.0.0.01/", "https://1.2.3.4.5/", "https://hooks.clinic.example./", "https://localhost./",
			"https://a..b/", "https://.clinic.example/", "https://-a.example/", "https://a-.example/",
			"https://a_b.example/", "https://[fe80::1%25eth0]/",
			"https://１２７.０.０.１/", "https://127。0。0。1/",
			"https://" + strings.Repeat("a", 64) + ".example/", "https://" + strings.Repeat("a.", 124) + "example/",
			"https://xn--a.example/", "https://hooks.clinic.example;evil/", "https://a,b.example/", "https://*.example/",
		},
	} {
		for _, text := range texts {
			err := webhook.CheckURL(text, nil)
			require.ErrorContains(t, err, reason, "%q", text)
			require.Error(t, webhook.CheckURL(text, anyAddress), "%q", text)
			if len(text) > 30 {
				require.NotContains(t, err.Error(), text[10:], "the reason contains no part of the URL")
			}
		}
	}
	for _, text := range []string{"http://hooks.clinic.example/", "http://10.0.0.1:80/", "http://10.0.0.1:22/"} {
		require.EqualError(t, webhook.CheckURL(text, anyAddress),
			"must have a port from 1024 to 65535, such as http://host:8080/", text)
	}
	require.EqualError(t, webhook.CheckURL("ftp://10.0.0.1/", anyAddress), "must begin with https:// or http://")
	require.EqualError(t, webhook.CheckURL("https://127.1/", anyAddress),
		"must have a host such as hooks.clinic.example, 192.168.0.10 or [fd00::10]")
}
