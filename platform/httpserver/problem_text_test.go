package httpserver

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"healthcare/platform/errs"
)

func TestX05_MalformedRequestIsNotEchoed(t *testing.T) {
	s := serve(t)
	require.True(t, s.app.Server().SecureErrorLogMessage)
	const secret = "canary-0193525f"
	const head = "GET /things/ HTTP/1.1\r\nHost: a\r\n"
	for name, raw := range map[string]string{
		"a line without a colon":   head + "Authorization: Bearer " + secret + "\r\n" + secret + "\r\n\r\n",
		"a name with a NUL":        head + "Authorization\x00: Bearer " + secret + "\r\n\r\n",
		"a value with a NUL":       head + "Authorization: Bearer\x00 " + secret + "\r\n\r\n",
		"a space before the colon": "GET /things/ HTTP/1.1\r\nHost: a\r\n" + secret + " : a\r\n\r\n",
		"a bad length":             "GET /things/ HTTP/1.1\r\nHost: a\r\nContent-Length: " + secret + "\r\n\r\n",
		"a bad encoding":           head + "Transfer-Encoding: " + secret + "\r\n\r\n",
		"a bad host":               "GET /things/ HTTP/1.1\r\nHost: a b" + secret + "\r\n\r\n",
		"a bad address":            "GET " + secret + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"a bad version":            "GET /things/ " + secret + "\r\nHost: a\r\n\r\n",
		"a bad trailer": head + "Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: " +
			secret + "\r\n\r\n",
		"nothing but a token": secret + "\r\n\r\n",
	} {
		t.Run(name+" is answered with a fixed text", func(t *testing.T) {
			all := s.sendRaw(t, raw)
			require.Len(t, all, 1)
			p := requireProblem(t, all[0], http.StatusBadRequest)
			require.Equal(t, errMalformed.detail, p.Detail)
			require.NotContains(t, all[0].body, secret)
			for name, values := range all[0].header {
				require.NotContains(t, strings.Join(values, " "), secret, name)
			}
		})
	}
	require.NotContains(t, strings.Join(s.lines(t), ""), secret)
}

func TestDescribe(t *testing.T) {
	cause := errors.New("canary: pq: row contents")
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"a kind has its status": {errs.New(errs.Conflict, "taken", "Taken."), 409, "taken"},
		"a cause is not sent": {
			errs.New(errs.Forbidden, "forbidden", "No.").Because(cause), 403, "forbidden",
		},
		"an unclassified error is internal": {cause, 500, "internal_error"},
		"an internal kind is internal":      {errs.New(errs.Internal, "canary", "canary"), 500, "internal_error"},
		"a throttled caller gets the reason": {
			&errs.Error{Kind: errs.Throttled, Code: "slow", Detail: "Slow.", RetryAfter: time.Second}, 429, "slow",
		},
		"Fiber's not found has a fixed text":   {fromFiber(fiber.NewError(404, "canary")), 404, "not_found"},
		"Fiber's bad request has a fixed text": {fromFiber(fiber.NewError(400, "canary")), 400, "malformed_request"},
		"Fiber's entity too large is a 413":    {fromFiber(fiber.NewError(413, "canary")), 413, "body_too_large"},
		"Fiber's method not allowed is a 405": {
			fromFiber(fiber.NewError(405, "canary")), 405, "method_not_allowed",
		},
		"Fiber's own failure has a fixed text": {fromFiber(fiber.NewError(502, "canary")), 500, "internal_error"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := describe(c.err)
			require.Equal(t, c.status, p.Status)
			require.Equal(t, c.code, p.Code)
			require.NotContains(t, p.Title+p.Detail, "canary")
		})
	}
}
