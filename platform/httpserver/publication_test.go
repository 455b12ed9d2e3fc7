package httpserver

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func unzipped(t *testing.T, body string) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(plain)
}

func TestPublications(t *testing.T) {
	s := serve(t)
	for _, target := range []string{
		"/openapi.json", "/docs/", "/docs", "/docs/docs.js", "/docs/docs.css", "/docs/swagger-ui-bundle.js",
		"/docs/swagger-ui.css",
	} {
		t.Run(target+" is cached and compressed, in two forms with a strong tag each", func(t *testing.T) {
			plain := s.send(t, http.MethodGet, target, "", "Accept-Encoding: identity")
			packed := s.send(t, http.MethodGet, target, "", "Accept-Encoding: gzip, deflate, br")
			require.Equal(t, plain.body, unzipped(t, packed.body))
			require.Less(t, len(packed.body), len(plain.body))
			require.Empty(t, plain.header.Get("Content-Encoding"))
			require.Equal(t, "gzip", packed.header.Get("Content-Encoding"))
			require.NotEqual(t, plain.header.Get("ETag"), packed.header.Get("ETag"))
			for encoding, a := range map[string]answer{"identity": plain, "gzip": packed} {
				tag := a.header.Get("ETag")
				require.Regexp(t, `^"[0-9a-f]{16}(-gzip)?"$`, tag)
				require.Equal(t, "no-cache", a.header.Get("Cache-Control"))
				require.Equal(t, []string{"Accept-Encoding"}, a.header.Values("Vary"))
				require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
				for _, has := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
					same := s.send(t, http.MethodGet, target, "", "Accept-Encoding: "+encoding, "If-None-Match: "+has)
					require.Equal(t, http.StatusNotModified, same.status, has)
					require.Empty(t, same.body)
					for _, name := range []string{"ETag", "Cache-Control", "Vary", "Content-Security-Policy"} {
						require.Equal(t, a.header.Get(name), same.header.Get(name), name)
					}
				}
				require.Equal(
					t, http.StatusOK,
					s.send(t, http.MethodGet, target, "", "Accept-Encoding: "+encoding, `If-None-Match: "old"`).status,
				)
				head := s.send(t, http.MethodHead, target, "", "Accept-Encoding: "+encoding)
				require.Empty(t, head.body)
				for _, name := range []string{
					"ETag", "Content-Length", "Content-Type", "Content-Encoding", "Vary", "Cache-Control",
				} {
					require.Equal(t, a.header.Get(name), head.header.Get(name), name)
				}
				require.Equal(
					t, http.StatusNotModified,
					s.send(t, http.MethodHead, target, "", "Accept-Encoding: "+encoding, "If-None-Match: "+tag).status,
				)
			}
			other := s.send(
				t, http.MethodGet, target, "", "Accept-Encoding: gzip", "If-None-Match: "+plain.header.Get("ETag"),
			)
			require.Equal(t, http.StatusOK, other.status, "the other form is another")
		})
	}
	t.Run("follows the client's weights", func(t *testing.T) {
		for accept, want := range map[string]string{
			"": "", "gzip": "gzip", "GZIP": "gzip", "x-gzip": "gzip", "*": "gzip", "br, *;q=0.1": "gzip",
			"gzip;q=0.001": "gzip", "gzip;q=1.0, identity;q=0.5": "gzip",
			"gzip;q=0": "", "gzip;q=0.0, *": "", "*;q=0": "", "br": "", "identity": "", "gzip;q=0.5, identity": "",
			"identity;q=0, gzip": "gzip", "gzipped": "",
		} {
			a := s.send(t, http.MethodGet, "/openapi.json", "", "Accept-Encoding: "+accept)
			require.Equal(t, want, a.header.Get("Content-Encoding"), accept)
		}
		const head = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n"
		a := s.sendRaw(t, head+"Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n")[0]
		require.Equal(t, "gzip", a.header.Get("Content-Encoding"), "in two lines")
	})
	t.Run("an image has one form", func(t *testing.T) {
		a := s.send(t, http.MethodGet, "/docs/favicon-32x32.png", "", "Accept-Encoding: gzip")
		require.Equal(t, "image/png", a.header.Get("Content-Type"))
		require.Empty(t, a.header.Get("Content-Encoding")+a.header.Get("Vary"))
		require.Equal(
			t, http.StatusNotModified,
			s.send(t, http.MethodGet, "/docs/favicon-32x32.png", "", "If-None-Match: "+a.header.Get("ETag")).status,
		)
	})
	t.Run("nothing else is cached", func(t *testing.T) {
		for _, target := range []string{
			"/things/", "/docs/nothing.js", "/docs/docs.go", "/problems/not_found", "/livez",
		} {
			a := s.send(t, http.MethodGet, target, "", "Accept-Encoding: gzip")
			require.Equal(t, "no-store", a.header.Get("Cache-Control"), target)
			require.Empty(t, a.header.Get("ETag"))
			require.False(t, strings.HasPrefix(a.body, "\x1f\x8b"))
		}
	})
}
