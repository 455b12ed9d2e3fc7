package httpserver

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestX09_APanicIsA500AndTheNextRequestIsServed(t *testing.T) {
	s := serve(t)
	const canary = "Ananya Verma"
	for name, value := range map[string]any{
		"a text":             canary,
		"an error":           errors.New(canary),
		"what has a patient": struct{ Name string }{canary},
		"a function":         func() string { return canary },
		"http's own abort":   http.ErrAbortHandler,
	} {
		t.Run("a handler panics with "+name, func(t *testing.T) {
			s.panics = value
			s.logged.TakeAll()
			p := requireProblem(t, s.send(t, http.MethodGet, "/panic/", ""), http.StatusInternalServerError)
			require.Equal(t, errInternal.detail, p.Detail)
			require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/things/", "").status)

			panicked := s.logged.FilterMessage("panic").TakeAll()
			require.NotEmpty(t, panicked)
			require.Equal(t, p.RequestID, panicked[0].ContextMap()["request_id"])
			require.Contains(t, panicked[0].ContextMap()["stack"], "server_test.go", "the stack leads to the handler")
		})
	}
	t.Run("the connection stays open", func(t *testing.T) {
		all := s.sendRaw(t, "GET /panic/ HTTP/1.1\r\nHost: a\r\n\r\nGET /things/ HTTP/1.1\r\nHost: a\r\n\r\n")
		require.Len(t, all, 2)
		require.Equal(t, http.StatusInternalServerError, all[0].status)
		require.Equal(t, http.StatusOK, all[1].status)
	})
	t.Run("the log does not contain the panic's value", func(t *testing.T) {
		s := serve(t)
		s.panics = canary
		s.send(t, http.MethodGet, "/panic/", "")
		s.panics = errors.New(canary)
		s.send(t, http.MethodGet, "/panic/", "")
		require.NotContains(t, strings.Join(s.lines(t), ""), canary)
		require.Len(t, s.logged.FilterMessage("panic").All(), 2)
	})
}
