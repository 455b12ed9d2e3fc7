package httpserver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestRequestID(t *testing.T) {
	s := serve(t)
	id := func(t *testing.T, header string) string {
		t.Helper()
		all := s.talk(t, "GET /things/ HTTP/1.1\r\nHost: a\r\n"+header+"\r\n")
		require.Len(t, all, 1)
		require.Equal(t, http.StatusOK, all[0].status)
		require.Len(t, all[0].header.Values("X-Request-ID"), 1)
		return all[0].header.Get("X-Request-ID")
	}
	for _, mine := range []string{"a", "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", "Root_1.2-3", "0", strings.Repeat("a", 64)} {
		t.Run("the client's own, "+mine+", is kept", func(t *testing.T) {
			require.Equal(t, mine, id(t, "X-Request-ID: "+mine+"\r\n"))
		})
	}
	for _, hostile := range []string{"", " ", strings.Repeat("a", 65), "a b", "a,b", "a;b", "a\tb", "é", "％", "<script>", `"a"`, "a%0d%0aSet-Cookie:x", "{}", "a/b", "${jndi:x}", "a\u202eb"} {
		t.Run("a hostile one, "+hostile+", is replaced", func(t *testing.T) {
			given, err := uuid.Parse(id(t, "X-Request-ID: "+hostile+"\r\n"))
			require.NoError(t, err)
			require.Equal(t, uuid.Version(7), given.Version())
		})
	}
	t.Run("one that would split the answer is refused or replaced", func(t *testing.T) {
		for _, split := range []string{"a\r\n Set-Cookie: x", "a\rSet-Cookie: x", "a\nSet-Cookie: x", "a\x00b"} {
			for _, a := range s.talk(t, "GET /things/ HTTP/1.1\r\nHost: a\r\nX-Request-ID: "+split+"\r\n\r\n") {
				require.Empty(t, a.header.Values("Set-Cookie"))
				require.NotContains(t, a.header.Get("X-Request-ID"), "Cookie")
			}
		}
	})
	t.Run("every request has its own", func(t *testing.T) {
		first, second := id(t, ""), id(t, "")
		require.NotEqual(t, first, second)
	})
	t.Run("a refusal before every middleware keeps the client's too", func(t *testing.T) {
		all := s.talk(t, "BREW /things/ HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine\r\n\r\n")
		require.Equal(t, "mine", requireProblem(t, all[0], http.StatusNotImplemented).RequestID)
	})
}
