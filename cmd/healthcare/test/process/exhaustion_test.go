package process

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// TestExhaustedFileDescriptors checks that the server survives clients that take all file descriptors, and serves
// others after they disconnect.
func TestExhaustedFileDescriptors(t *testing.T) {
	t.Parallel()
	path, err := harness.Binary()
	require.NoError(t, err)
	r := harness.NewTolerantEnv(t).Command("/bin/sh", "-c", `ulimit -n 48 && exec "$0"`, path)
	base := r.WaitReady()
	address := strings.TrimPrefix(base, "http://")
	var open []net.Conn
	for range 64 {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		require.NoError(t, err, "the kernel accepts the connection")
		open = append(open, conn)
		t.Cleanup(func() { _ = conn.Close() })
	}
	waiting := harness.NewHTTPClient(t, base)
	waiting.HTTP.Timeout = 300 * time.Millisecond
	_, _, err = waiting.Try("GET", "/livez", nil)
	require.Error(t, err, "no descriptor is left")

	for _, conn := range open {
		require.NoError(t, conn.Close())
	}
	harness.NewHTTPClient(t, base).Call("GET", "/livez", nil, 200)
	require.Equal(t, 0, r.Terminate().ExitCode)
}
