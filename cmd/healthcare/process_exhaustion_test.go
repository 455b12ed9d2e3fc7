package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Clients that take every file descriptor keep others waiting, but do not end the server: when they go, it serves.
func TestRunningOutOfFileDescriptors(t *testing.T) {
	t.Parallel()
	path, err := binary()
	require.NoError(t, err)
	r := patient(t).command("/bin/sh", "-c", `ulimit -n 48 && exec "$0"`, path)
	base := r.ready()
	address := strings.TrimPrefix(base, "http://")
	var taken []net.Conn
	for range 64 {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		require.NoError(t, err, "the kernel accepts for the program")
		taken = append(taken, conn)
		t.Cleanup(func() { _ = conn.Close() })
	}
	hungry := newCaller(t, base)
	hungry.http.Timeout = 300 * time.Millisecond
	_, _, err = hungry.try("GET", "/livez", nil)
	require.Error(t, err, "there is no descriptor left")

	for _, conn := range taken {
		require.NoError(t, conn.Close())
	}
	newCaller(t, base).call("GET", "/livez", nil, 200)
	require.Equal(t, 0, r.terminate().code)
}
