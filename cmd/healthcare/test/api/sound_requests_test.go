package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// sendRaw sends the bytes of a request and returns the response's status and body.
func sendRaw(t *testing.T, s *harness.Service, request string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(harness.Timeout)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// Valid requests that look unusual succeed.
func TestUnusualValidRequests(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		notes := strings.Repeat("{[", 40) + `\"` + strings.Repeat("]}", 40)
		body := fmt.Sprintf(`{"name":"Ananya","age":31,"gender":"Female","notes":%q}`, strings.Repeat("{[", 40))
		headers := []string{
			"Host: " + strings.TrimPrefix(s.URL, "http://"),
			"Authorization: Bearer " + c.Token,
			"Content-Type: application/json",
			fmt.Sprintf("Content-Length: %d", len(body)),
			"Connection: close",
		}
		for i := range headers {
			t.Run("headers that begin with "+strings.SplitN(headers[i], ":", 2)[0], func(t *testing.T) {
				order := append(append([]string{}, headers[i:]...), headers[:i]...)
				head := "POST /api/patients/ HTTP/1.1\r\n" + strings.Join(order, "\r\n") + "\r\n\r\n"
				status, answer := sendRaw(t, s, head+body)
				require.Equal(t, 201, status, answer)
			})
		}
		t.Run("HTTP/1.0, with and without Host", func(t *testing.T) {
			for _, head := range []string{strings.Join(headers, "\r\n"), strings.Join(headers[1:], "\r\n")} {
				status, answer := sendRaw(t, s, "POST /api/patients/ HTTP/1.0\r\n"+head+"\r\n\r\n"+body)
				require.Equal(t, 201, status, answer)
			}
		})
		t.Run("braces and brackets inside a text do not count as depth", func(t *testing.T) {
			patient := c.ForTest(t).AddPatient(object{"notes": notes})
			require.Equal(
				t, notes, c.ForTest(t).Do("GET", "/api/patients/"+patient+"/", nil).Expect(200).Object()["notes"])
		})
	})
}
