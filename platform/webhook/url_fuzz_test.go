package webhook

import (
	"bufio"
	"bytes"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzCheckURL checks that an accepted URL has one meaning: the request that is sent has the host, the path and the
// query of the URL, and nothing else.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{
		"https://hooks.clinic.example/a?b=c", "http://[::ffff:127.0.0.1]:8080/", "https://127.1/", "https://0x7f.1:8443",
		"https://2130706433/", "https://bücher.example:1024/ü?%0d%0a", "https://a@b.c/", "https://a.b:443@c.d/#e",
		"https://a.b\\@c.d/", "https://a.b/\r\nHost: c", "https://１２７.0.0.1/", "https://a.b?c?d", "https://a.b//c/../d",
		"HTTPS://A.B:", "https://[fe80::1%25eth0]/", "https:///a.b", "https:a.b", "HTTPS://0%80", "https://a.b/%2e%2e/%ff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseURL(raw, true)
		if err != nil {
			require.Error(t, CheckURL(raw, nil), "a URL is valid only without permission: %q", raw)
			require.NotEmpty(t, err.Error())
			return
		}
		again, err := parseURL(u.String(), true)
		if len(u.String()) <= maxURL { // escaping may make it longer
			require.NoError(t, err, "%q", raw)
			require.Equal(t, u.String(), again.String())
		}
		request, err := http.NewRequest(http.MethodPost, u.String(), nil)
		require.NoError(t, err, "%q", raw)
		var sent bytes.Buffer
		require.NoError(t, request.Write(&sent))
		received, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(sent.Bytes())))
		require.NoError(t, err, "%q", raw)
		require.Equal(t, u.Host, received.Host)
		require.Equal(t, u.RequestURI(), received.RequestURI)
		require.Equal(t, 4, bytes.Count(sent.Bytes(), []byte("\r\n"))-1, "headers: %q", sent.String())

		if CheckURL(raw, nil) != nil {
			return
		}
		require.Equal(t, "https", u.Scheme)
		require.Nil(t, u.User)
		require.Contains(t, u.Hostname(), ".")
		_, err = netip.ParseAddr(u.Hostname())
		require.Error(t, err, "an IP address")
		last := u.Hostname()[strings.LastIndex(u.Hostname(), ".")+1:]
		require.Regexp(t, `^[a-z]`, last)
		require.NotContains(t, []string{"localhost", "local", "internal"}, last)
		asSent, err := url.Parse(raw)
		require.NoError(t, err)
		require.Equal(t, asSent.RequestURI(), u.RequestURI())
	})
}
