package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, _ database.Config) {
		r := p.with("HTTP_SHUTDOWN_DELAY=30s").start()
		base := r.ready()
		_, port, err := net.SplitHostPort(strings.TrimPrefix(base, "http://"))
		require.NoError(t, err)
		at := func(host string) place { return p.with("HTTP_ADDRESS=" + net.JoinHostPort(host, port)) }

		t.Run("says nothing and succeeds while the program is ready, wherever it listens", func(t *testing.T) {
			for _, host := range []string{"127.0.0.1", "localhost", "", "0.0.0.0", "::"} {
				require.Empty(t, at(host).run("health").succeeded(), host)
			}
		})
		t.Run("asks no proxy", func(t *testing.T) {
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
			defer proxy.Close()
			direct := at("LOCALHOST") // for "localhost", Go's default client asks no proxy either
			require.Empty(t, direct.with("HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL).run("health").succeeded())
		})
		t.Run("fails as soon as the program stops, before it is gone", func(t *testing.T) {
			r.signal(syscall.SIGTERM)
			newCaller(t, base).untilNotReady()
			at("127.0.0.1").run("health").failed(exitFailure, "not ready: 503")
		})
		t.Run("fails in one line when there is no program", func(t *testing.T) {
			r.terminate() // the second signal
			require.Len(t, at("127.0.0.1").run("health").failed(exitFailure, "connection refused").lines(), 1)
		})
	})
	t.Run("gives up on a program that hangs", func(t *testing.T) {
		t.Parallel()
		hole, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = hole.Close() }()
		o := patient(t).with("HTTP_ADDRESS="+hole.Addr().String()).run("health").failed(exitFailure, "deadline exceeded")
		require.Less(t, o.took, 3*time.Second+soon)
	})
}
