package process

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// Clients that take every file descriptor keep others waiting, but do not end the server: when they go, it serves.
func TestRunningOutOfFileDescriptors(t *testing.T) {
	t.Parallel()
	path, err := harness.Binary()
	require.NoError(t, err)
	r := harness.NewTolerantEnv(t).Command("/bin/sh", "-c", `ulimit -n 48 && exec "$0"`, path)
	base := r.WaitReady()
	address := strings.TrimPrefix(base, "http://")
	var taken []net.Conn
	for range 64 {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		require.NoError(t, err, "the kernel accepts for the program")
		taken = append(taken, conn)
		t.Cleanup(func() { _ = conn.Close() })
	}
	hungry := harness.NewHTTPClient(t, base)
	hungry.HTTP.Timeout = 300 * time.Millisecond
	_, _, err = hungry.Try("GET", "/livez", nil)
	require.Error(t, err, "there is no descriptor left")

	for _, conn := range taken {
		require.NoError(t, conn.Close())
	}
	harness.NewHTTPClient(t, base).Call("GET", "/livez", nil, 200)
	require.Equal(t, 0, r.Terminate().ExitCode)
}
