package httpserver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// jsonOf returns a JSON object of size bytes.
func jsonOf(size int) string { return `{"name":"` + strings.Repeat("a", size-11) + `"}` }

// post returns a raw request to target with body, in one chunk, in small chunks, or by its length.
func post(target, body, framing string) string {
	head := "POST " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
	switch framing {
	case "length":
		return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
	case "one chunk":
		return fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(body), body)
	}
	var chunks strings.Builder
	for rest := body; rest != ""; {
		n := min(7, len(rest))
		fmt.Fprintf(&chunks, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	return head + "Transfer-Encoding: chunked\r\n\r\n" + chunks.String() + "0\r\n\r\n"
}

func TestR18_LimitsAreExact(t *testing.T) {
	s := serve(t)
	once := func(t *testing.T, raw string) answer {
		t.Helper()
		all := s.sendRaw(t, raw)
		require.Len(t, all, 1)
		return all[0]
	}
	for target, limit := range map[string]int{"/things/": s.cfg.BodyLimit, "/small/": 64} {
		for _, framing := range []string{"length", "one chunk", "small chunks"} {
			t.Run(fmt.Sprintf("%s takes %d bytes by %s and not one more", target, limit, framing), func(t *testing.T) {
				require.Equal(t, http.StatusCreated, once(t, post(target, jsonOf(limit), framing)).status)
				requireProblem(t, once(t, post(target, jsonOf(limit+1), framing)), http.StatusRequestEntityTooLarge)
			})
		}
	}
	t.Run("rejects a large body with Expect: 100-continue before it is sent", func(t *testing.T) {
		raw := strings.Replace(
			post("/things/", jsonOf(s.cfg.BodyLimit+1), "length"), "Host", "Expect: 100-continue\r\nHost", 1,
		)
		all := s.sendRaw(t, raw)
		require.Len(t, all, 1)
		requireProblem(t, all[0], http.StatusRequestEntityTooLarge)
		all = s.sendRaw(
			t,
			strings.Replace(
				post("/things/", jsonOf(s.cfg.BodyLimit), "length"), "Host", "Expect: 100-Continue\r\nHost", 1,
			),
		)
		require.Equal(t, http.StatusContinue, all[0].status)
		require.Equal(t, http.StatusCreated, all[1].status)
	})
	t.Run("an address may be as long as the limit, but no longer", func(t *testing.T) {
		address := "/things/?" + strings.Repeat("q", s.cfg.URLLimit-len("/things/?"))
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, address, "").status)
		requireProblem(t, s.send(t, http.MethodGet, address+"q", ""), http.StatusRequestURITooLong)
	})
	t.Run("a header may be as long as the limit, but no longer", func(t *testing.T) {
		head := "GET /things/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-A: "
		head += strings.Repeat("a", s.cfg.HeaderLimit-len(head)-4)
		require.Equal(t, http.StatusOK, once(t, head+"\r\n\r\n").status)
		requireProblem(t, once(t, head+"a\r\n\r\n"), http.StatusRequestHeaderFieldsTooLarge)
	})
}

func TestR18_RejectedRequestsAllocateLittle(t *testing.T) {
	s := serve(t)
	const head = "POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	const form = "POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
	for name, raw := range map[string]string{
		"a length of 4 GiB": head + "Content-Length: 4294967296\r\n\r\n",
		"a chunk of 4 GiB":  head + "Transfer-Encoding: chunked\r\n\r\n100000000\r\n",
		"many chunks":       head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\na\r\n", 1<<14),
		"many names":        head + strings.Repeat("X-A: a\r\n", 1<<14),
		"a long path":       "GET /" + strings.Repeat("a", 1<<17),
		"deep nesting":      post("/things/", strings.Repeat("[", 4000), "length"),
		"deep objects":      post("/things/", strings.Repeat(`{"":`, 1000), "length"),
		"a form of many parts": form + "Content-Length: 4000\r\n\r\n" +
			strings.Repeat("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", 100)[:4000],
	} {
		t.Run(name+" is refused in little memory", func(t *testing.T) {
			_ = s.sendRaw(t, raw) // allocates the buffers
			var all []answer
			spent := allocated(func() { all = s.sendRaw(t, raw) })
			require.NotEmpty(t, all)
			require.GreaterOrEqual(t, all[0].status, 400)
			require.Less(t, spent, uint64(littleMemory))
		})
	}
}
