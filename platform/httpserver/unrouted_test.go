package httpserver

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOptions(t *testing.T) {
	s := serve(t)
	for target, want := range map[string]string{
		"/things/": "GET, HEAD, OPTIONS, POST", "/things": "GET, HEAD, OPTIONS, POST",
		"/things/1/": "DELETE, GET, HEAD, OPTIONS", "/things/1": "DELETE, GET, HEAD, OPTIONS",
		"/things/claims/": "OPTIONS, POST",
		"/small/":         "OPTIONS, POST", "/livez": "GET, HEAD, OPTIONS", "/docs/": "GET, HEAD, OPTIONS",
		"/openapi.json": "GET, HEAD, OPTIONS", "/admins/": "GET, HEAD, OPTIONS",
		"/": "GET, HEAD, OPTIONS",
	} {
		for _, header := range []string{"X-Nothing: 1", bearer, "Authorization: Bearer forged"} {
			t.Run(target+" answers its methods with "+header, func(t *testing.T) {
				before := s.handled.Load()
				a := s.send(t, http.MethodOptions, target, "", header)
				require.Equal(t, http.StatusNoContent, a.status)
				require.Empty(t, a.body)
				allowed := strings.Split(a.header.Get("Allow"), ", ")
				slices.Sort(allowed)
				require.Equal(t, want, strings.Join(allowed, ", "))
				requireHardened(t, a)
				require.Equal(t, before, s.handled.Load())
			})
		}
	}
	for _, target := range []string{"/nothing/", "/things/1/2/", "/docs/a/b", "/api"} {
		t.Run(target+" is not found", func(t *testing.T) {
			requireProblem(t, s.send(t, http.MethodOptions, target, "", bearer), http.StatusNotFound)
		})
	}
	t.Run("a page of another origin cannot read it", func(t *testing.T) {
		a := s.send(t, http.MethodOptions, "/things/", "", "Origin: https://evil.example", "Access-Control-Request-Method: POST")
		require.Equal(t, http.StatusNoContent, a.status)
		for name := range a.header {
			require.NotContains(t, name, "Access-Control")
		}
	})
	t.Run("a host that is not served has no methods", func(t *testing.T) {
		s := serve(t, func(c *Config) { c.AllowedHosts = []string{"a.example"} })
		requireProblem(
			t, s.send(t, http.MethodOptions, "/things/", "", "Host: b.example"), http.StatusMisdirectedRequest,
		)
	})
}

func TestTheRootRedirectsBrowsers(t *testing.T) {
	s := serve(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, accept := range []string{
			"text/html", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "TEXT/HTML;q=0.1",
			"text/html;charset=utf-8, */*",
		} {
			t.Run(method+" with Accept "+accept+" leads to the documentation", func(t *testing.T) {
				a := s.send(t, method, "/", "", "Accept: "+accept)
				require.Equal(t, http.StatusSeeOther, a.status)
				require.Equal(t, "/docs/", a.header.Get("Location"))
				require.Contains(t, a.header.Values("Vary"), "Accept")
				requireHardened(t, a)
			})
		}
		for _, accept := range []string{
			"", "*/*", "text/*", "application/json", "application/json, text/html;q=0.9", "text/html;q=0", "text/htm",
			"text/html2",
		} {
			t.Run(method+" with Accept "+accept+" finds nothing", func(t *testing.T) {
				a := s.send(t, method, "/", "", "Accept: "+accept)
				require.Equal(t, http.StatusNotFound, a.status)
				require.Contains(t, a.header.Values("Vary"), "Accept")
			})
		}
	}
	t.Run("other paths and methods are not redirected", func(t *testing.T) {
		requireProblem(t, s.send(t, http.MethodGet, "/nothing/", "", "Accept: text/html"), http.StatusNotFound)
		a := s.send(t, http.MethodPost, "/", "{}", "Accept: text/html")
		requireProblem(t, a, http.StatusMethodNotAllowed)
		require.Equal(t, "GET, HEAD, OPTIONS", a.header.Get("Allow"))
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/things/", "", "Accept: text/html").status)
	})
}
