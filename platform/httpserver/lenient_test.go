package httpserver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValuesOfAnotherType(t *testing.T) {
	s := serve(t)
	post := func(body string, headers ...string) answer {
		return s.send(t, http.MethodPost, "/things/", body, headers...)
	}
	for body, want := range map[string]string{
		`{"name":"a","count":"31"}`:                 `{"name":"a","count":31}`,
		`{"name":"a","count":" 31 "}`:               `{"name":"a","count":31}`,
		`{"name":"a","count":"3\u0031"}`:            `{"name":"a","count":31}`,
		`{"name":"a","count":31.0}`:                 `{"name":"a","count":31}`,
		`{"name":"a","count": 3.1e1 }`:              `{"name":"a","count":31}`,
		`{"name":"a","count":"9007199254740993.0"}`: `{"name":"a","count":9007199254740993}`,
		`{"name":9876543210}`:                       `{"name":"9876543210","count":0}`,
		`{"name": 1.50 }`:                           `{"name":"1.50","count":0}`,
		`{"name":-0}`:                               `{"name":"-0","count":0}`,
		`{"name":12345678901234567890123456789.10}`: `{"name":"12345678901234567890123456789.10","count":0}`,
		`{"name":"a","note":1e400}`:                 `{"name":"a","count":0,"note":"1e400"}`,
	} {
		t.Run(body+" is accepted, unless strict handling is preferred", func(t *testing.T) {
			a := post(body)
			require.Equal(t, http.StatusCreated, a.status, a.body)
			require.JSONEq(t, want, a.body)
			requireProblem(t, post(body, "Prefer: handling=strict"), http.StatusBadRequest)
		})
	}
	for _, body := range []string{
		`{"name":"a","count":31.5}`, `{"name":"a","count":""}`, `{"name":"a","count":" "}`,
		`{"name":"a","count":"abc"}`, `{"name":"a","count":1e400}`,
		`{"name":"a","count":"1e400"}`, `{"name":"a","count":"9223372036854775808"}`, `{"name":"a","count":true}`,
		`{"name":"a","count":["31"]}`,
		`{"name":"a","alive":1}`, `{"name":"a","alive":"true"}`, `{"name":true}`, `{"name":{}}`, `{"name":[1]}`,
		`{"name":null}`,
	} {
		t.Run(body+" is refused", func(t *testing.T) { requireProblem(t, post(body), http.StatusBadRequest) })
	}
	t.Run("strict handling accepts the right type", func(t *testing.T) {
		require.Equal(t, http.StatusCreated, post(`{"name":"a","count":31}`, "Prefer: handling=strict").status)
	})
}

func TestPreferences(t *testing.T) {
	s := serve(t)
	send := func(lines string) int {
		body := `{"name":1}`
		head := "POST /things/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n"
		return s.sendRaw(t, head+lines+"\r\n"+body)[0].status
	}
	for _, lines := range []string{
		"Prefer: handling=strict\r\n", "prefer: Handling=STRICT\r\n", "Prefer: handling = \"strict\"; reason=x\r\n",
		"Prefer: count=exact, handling=strict\r\n",
		"Prefer: count=exact\r\nPrefer: handling=strict\r\n", "Prefer: \r\nPrefer: wait=5,handling=strict\r\n",
		"Prefer: handling=strict, handling=lenient\r\n",
		"Prefer: handling=strict\r\nPrefer: handling=lenient\r\n",
	} {
		t.Run(
			"strict: "+strings.TrimSpace(lines),
			func(t *testing.T) { require.Equal(t, http.StatusBadRequest, send(lines)) },
		)
	}
	for _, lines := range []string{
		"", "Prefer: handling=lenient\r\n", "Prefer: handling=lenient, handling=strict\r\n", "Prefer: strict\r\n",
		"Prefer: handling\r\n",
	} {
		t.Run(
			"not strict: "+strings.TrimSpace(lines),
			func(t *testing.T) { require.Equal(t, http.StatusCreated, send(lines)) },
		)
	}
}
