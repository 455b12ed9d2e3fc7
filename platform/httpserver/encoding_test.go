package httpserver

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

const littleMemory = 512 << 10

// allocated returns the number of bytes that the process allocates while f runs. No other test may run in parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// bomb returns 8 MiB of JSON white space in a few hundred bytes: gzip of gzip.
func bomb(t *testing.T) string {
	t.Helper()
	content := bytes.Repeat([]byte(" "), 8<<20)
	for range 2 {
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		require.NoError(t, err)
		_, err = w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		content = packed.Bytes()
	}
	require.Less(t, len(content), 512)
	return string(content)
}

func TestX04_NothingIsDecompressed(t *testing.T) {
	s := serve(t)
	packed := bomb(t)
	s.send(t, http.MethodPost, "/things/", packed) // allocates the buffers
	for name, target := range map[string]string{
		"a public path": "/things/", "a path that wants a token": "/things/1/", "a path that is not there": "/nothing/",
	} {
		for _, encoding := range []string{
			"gzip", "GZIP", "gzip, gzip", "identity, gzip", "deflate", "br", "zstd", "x-gzip", "*", "identity;q=0",
		} {
			t.Run(encoding+" to "+name+" is refused before routing, in little memory", func(t *testing.T) {
				var a answer
				spent := allocated(
					func() { a = s.send(t, http.MethodPost, target, packed, "Content-Encoding: "+encoding) },
				)
				requireProblem(t, a, http.StatusUnsupportedMediaType)
				require.Less(t, spent, uint64(littleMemory))
			})
		}
	}
	t.Run("rejects two encodings in two lines", func(t *testing.T) {
		all := s.sendRaw(
			t, "POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\n",
		)
		requireProblem(t, all[0], http.StatusBadRequest)
	})
	t.Run("rejects compressed JSON without a Content-Encoding", func(t *testing.T) {
		var a answer
		spent := allocated(func() { a = s.send(t, http.MethodPost, "/things/", packed) })
		requireProblem(t, a, http.StatusBadRequest)
		require.Less(t, spent, uint64(littleMemory))
	})
	t.Run("identity is no encoding", func(t *testing.T) {
		a := s.send(t, http.MethodPost, "/things/", `{"name":"a"}`, "Content-Encoding: Identity")
		require.Equal(t, http.StatusCreated, a.status)
	})
	t.Run("does not compress responses: they may contain a secret beside a client's text", func(t *testing.T) {
		for _, target := range []string{"/things/", "/nothing/", "/problems/not_found", "/livez", "/readyz"} {
			require.Empty(
				t, s.send(t, http.MethodGet, target, "", "Accept-Encoding: gzip").header.Get("Content-Encoding"),
				target,
			)
		}
	})
}
