package faults

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// TestR22_SmuggledRequests sends requests with an ambiguous end, followed by one that deletes a patient. The program
// never handles the second one. platform/httpserver tests all framings.
func TestR22_SmuggledRequests(t *testing.T) {
	t.Parallel()
	r := newDefaultEnv(t).Start()
	c := harness.NewHTTPClient(t, r.WaitReady())
	c.SignUp()
	path := "/api/patients/" + c.AddPatient() + "/"
	const body = `{"name":"Ravi","age":40,"gender":"Male"}` // 40 bytes
	smuggled := "DELETE " + path + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + c.Token + "\r\n\r\n"
	for name, framing := range map[string]string{
		"a length and an encoding": "Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"an encoding and a length": "Transfer-Encoding: chunked\r\nContent-Length: 40\r\n\r\n28\r\n" + body +
			"\r\n0\r\n\r\n",
		"two lengths":              "Content-Length: 40\r\nContent-Length: 0\r\n\r\n" + body,
		"an unknown encoding":      "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"a space before the colon": "Content-Length : 40\r\n\r\n" + body,
		"a chunk without an end":   "Transfer-Encoding: chunked\r\n\r\n28;a\nb\r\n" + body + "\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL, "http://"))
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			_, err = conn.Write([]byte("POST /api/patients/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
				"Authorization: Bearer " + c.Token + "\r\n" + framing + smuggled))
			require.NoError(t, err)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(harness.Timeout)))
			output, err := io.ReadAll(conn)
			require.NoError(t, err, "the connection ends after the response")
			require.Equal(t, 1, strings.Count(string(output), "HTTP/1.1 "), "%s", output)
			require.True(t, strings.HasPrefix(string(output), "HTTP/1.1 400 "), "%s", output)
		})
	}
	c.Call("GET", path, nil, 200)
	require.Len(t, c.List("/api/patients/"), 1, "the first request has no effect either")
	require.Equal(t, 0, r.Terminate().ExitCode)
}
