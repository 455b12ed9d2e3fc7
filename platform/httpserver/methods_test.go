package httpserver

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const bearer = "Authorization: Bearer " + token

func TestR03_OtherMethodsNeverSucceed(t *testing.T) {
	s := serve(t)
	for _, verb := range []string{
		"TRACE", "CONNECT", "PUT", "BREW", "get", "Get", "PROPFIND", "QUERY", "DEBUG", "TRACK", "PRI", "GETT", "X-POST",
	} {
		for _, target := range []string{"/things/", "/things/1/", "/livez", "/panic/", "/nothing/", "*", "a:80"} {
			t.Run(verb+" "+target, func(t *testing.T) {
				before := s.handled.Load()
				all := s.sendRaw(t, verb+" "+target+" HTTP/1.1\r\nHost: a\r\n"+bearer+"\r\nX-Canary: canary\r\n\r\n")
				require.Len(t, all, 1)
				require.GreaterOrEqual(t, all[0].status, 400)
				requireProblem(t, all[0], all[0].status)
				require.Equal(t, before, s.handled.Load())
				require.NotContains(t, all[0].body, "canary", "TRACE would echo the request")
			})
		}
	}
}

func TestR03_MethodsAreNotOverridden(t *testing.T) {
	s := serve(t)
	for _, header := range []string{
		"X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE",
	} {
		t.Run(header+" is ignored", func(t *testing.T) {
			require.Equal(
				t, http.StatusOK, s.send(t, http.MethodGet, "/things/1/?_method=DELETE", "", bearer, header).status,
			)
			requireProblem(
				t, s.send(t, http.MethodPost, "/things/1/", `{"name":"a","_method":"DELETE"}`, bearer, header),
				http.StatusMethodNotAllowed,
			)
		})
	}
}

func TestMethods(t *testing.T) {
	s := serve(t)
	t.Run("lists the supported methods for an unsupported one", func(t *testing.T) {
		for target, want := range map[string]string{
			"/things/": "GET, HEAD, OPTIONS, POST", "/things": "GET, HEAD, OPTIONS, POST",
			"/things/1/": "DELETE, GET, HEAD, OPTIONS",
			"/small/":    "OPTIONS, POST", "/livez": "GET, HEAD, OPTIONS",
		} {
			a := s.send(t, http.MethodPut, target, "{}")
			requireProblem(t, a, http.StatusMethodNotAllowed)
			allowed := strings.Split(a.header.Get("Allow"), ", ")
			slices.Sort(allowed)
			require.Equal(t, want, strings.Join(allowed, ", "), target)
		}
	})
	t.Run("a path is not taken for that of another operation with a parameter", func(t *testing.T) {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodPut} {
			for _, target := range []string{"/things/claims/", "/things/claims"} {
				before := s.handled.Load()
				a := s.send(t, method, target, "", bearer)
				require.Equal(t, http.StatusMethodNotAllowed, a.status)
				require.Equal(t, "POST, OPTIONS", a.header.Get("Allow"))
				require.Equal(t, before, s.handled.Load())
			}
		}
		require.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, "/things/claims/", `{"name":"a"}`).status)
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/things/claimed/", "", bearer).status)
	})
	t.Run("HEAD responds like GET, without the body", func(t *testing.T) {
		for _, target := range []string{
			"/things/", "/things/1/", "/livez", "/readyz", "/openapi.json", "/problems/not_found",
		} {
			get, head := s.send(t, http.MethodGet, target, "", bearer), s.send(t, http.MethodHead, target, "", bearer)
			require.Equal(t, http.StatusOK, head.status, target)
			require.Empty(t, head.body)
			require.Equal(t, get.header.Get("Content-Type"), head.header.Get("Content-Type"))
			require.Equal(t, get.header.Get("Content-Length"), head.header.Get("Content-Length"))
			requireHardened(t, head)
		}
	})
	t.Run("HEAD requires a token like GET", func(t *testing.T) {
		require.Equal(t, http.StatusUnauthorized, s.send(t, http.MethodHead, "/things/1/", "").status)
	})
	t.Run("serves a path with and without its slash, without a redirect", func(t *testing.T) {
		for _, target := range []string{
			"/things", "/things/", "/things/1", "/things/1/", "/livez", "/livez/", "/problems/not_found",
			"/problems/not_found/",
		} {
			require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, target, "", bearer).status, target)
		}
		for _, target := range []string{"/things", "/things/"} {
			require.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, target, `{"name":"a"}`).status, target)
		}
	})
	t.Run("paths are case-sensitive", func(t *testing.T) {
		for _, target := range []string{
			"/Things/", "/THINGS", "/things/1/x", "/thing/", "//things/", "/./things/", "/x/../things/", "/things%2f",
			"/%74hings/", "/things;a=b/",
		} {
			require.Equal(
				t, http.StatusNotFound, s.sendRaw(t, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")[0].status, target,
			)
		}
	})
	t.Run("a path parameter that cannot be decoded is not found", func(t *testing.T) {
		for _, id := range []string{"%", "%z", "%zz", "%1", "a%", "%%", "%u0041", "%e2%"} {
			a := s.sendRaw(t, "GET /things/"+id+"/ HTTP/1.1\r\nHost: a\r\n"+bearer+"\r\n\r\n")[0]
			requireProblem(t, a, http.StatusNotFound)
		}
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/things/%41/", "", bearer).status)
	})
}
