package httpserver

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestURL(t *testing.T) {
	for _, c := range []struct{ configured, listening, allowed, url string }{
		{"127.0.0.1:0", "127.0.0.1:8000", "", "http://127.0.0.1:8000"},
		{":8000", "[::]:8000", "", "http://127.0.0.1:8000"},
		{":8000", "0.0.0.0:8000", "", "http://127.0.0.1:8000"},
		{"0.0.0.0:8000", "0.0.0.0:8000", "*", "http://127.0.0.1:8000"},
		{"[::]:8000", "[::]:8000", "", "http://[::1]:8000"},
		{"[::1]:8000", "[::1]:8000", "", "http://[::1]:8000"},
		{"10.1.2.3:80", "10.1.2.3:80", "", "http://10.1.2.3:80"},
		{"localhost:8000", "127.0.0.1:8000", "", "http://127.0.0.1:8000"},
		{":8000", "[::]:8000", "api.clinic.example", "http://api.clinic.example:8000"},
		{":8000", "[::]:8000", "API.Clinic.example.:443", "http://api.clinic.example:8000"},
		{":8000", "[::]:8000", "api.clinic.example,localhost", "http://localhost:8000"},
		{":8000", "[::]:8000", "api.clinic.example,[::1]", "http://[::1]:8000"},
		{":8000", "0.0.0.0:8000", "[::1],api.clinic.example", "http://api.clinic.example:8000"},
		{":8000", "[::]:8000", ".clinic.example", "http://clinic.example:8000"},
		{":8000", "[::]:8000", "*.clinic.example,.clinic.example", "http://clinic.example:8000"},
		{":8000", "[::]:8000", ".clinic.example,*", "http://127.0.0.1:8000"},
		{"10.1.2.3:80", "10.1.2.3:80", "localhost,10.1.2.3", "http://10.1.2.3:80"},
		{"127.0.0.1:8000", "127.0.0.1:8000", "localhost", "http://localhost:8000"},
	} {
		t.Run("of a server on "+c.configured+" for ["+c.allowed+"]", func(t *testing.T) {
			s := &Server{cfg: Config{Address: c.configured}, address: c.listening}
			if c.allowed != "" {
				s.cfg.AllowedHosts = strings.Split(c.allowed, ",")
			}
			require.Equal(t, c.url, s.URL())
			at, err := url.Parse(s.URL())
			require.NoError(t, err)
			require.True(t, s.cfg.allowsHost(at.Host), "it is served")
		})
	}
}

func TestLogsARejectedHost(t *testing.T) {
	s := serve(t, func(c *Config) { c.AllowedHosts = []string{"api.example"} })
	warned := func() []observer.LoggedEntry { return s.logged.FilterLevelExact(zapcore.WarnLevel).All() }
	require.Equal(t, http.StatusOK, s.statusForHost(t, "/things/", "api.example"))
	require.Empty(t, warned(), "a host that is served is not logged")
	for range 20 {
		require.Equal(t, http.StatusMisdirectedRequest, s.statusForHost(t, "/things/", "wrong.example:8443"))
	}
	require.Len(t, warned(), 1, "logged once a minute")
	require.Equal(t, "wrong.example:8443", warned()[0].ContextMap()["host"])

	t.Run("as printable ASCII of a bounded length", func(t *testing.T) {
		for text, shown := range map[string]string{
			"a\nb\x1b[31m\x00é\x7f": "a?b?[31m????", "user:hunter2@evil.example": "evil.example",
			strings.Repeat("a", 300): strings.Repeat("a", 255), "": "",
		} {
			require.Equal(t, shown, printableHost(text))
		}
	})
}
