package process

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
		r := p.With("HTTP_SHUTDOWN_DELAY=30s").Start()
		base := r.WaitReady()
		_, port, err := net.SplitHostPort(strings.TrimPrefix(base, "http://"))
		require.NoError(t, err)
		at := func(host string) harness.Env { return p.With("HTTP_ADDRESS=" + net.JoinHostPort(host, port)) }

		t.Run("succeeds silently while the program is ready, for every listening address", func(t *testing.T) {
			for _, host := range []string{"127.0.0.1", "localhost", "", "0.0.0.0", "::"} {
				require.Empty(t, at(host).Run("health").ExpectSuccess(), host)
			}
		})
		t.Run("uses no proxy", func(t *testing.T) {
			proxy := httptest.NewServer(
				http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
			defer proxy.Close()
			direct := at("LOCALHOST") // Go's default client uses no proxy for "localhost"
			require.Empty(
				t, direct.With("HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL).Run("health").ExpectSuccess())
		})
		t.Run("fails while the program stops", func(t *testing.T) {
			r.Signal(syscall.SIGTERM)
			waitUntilNotReady(harness.NewHTTPClient(t, base))
			at("127.0.0.1").Run("health").ExpectFailure(harness.ExitFailure, "not ready: 503")
		})
		t.Run("fails with one line after the program has ended", func(t *testing.T) {
			r.Terminate() // the second signal
			require.Len(
				t, at("127.0.0.1").Run("health").ExpectFailure(harness.ExitFailure, "connection refused").StderrLines(),
				1)
		})
	})
	t.Run("times out if the program hangs", func(t *testing.T) {
		t.Parallel()
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = silent.Close() }()
		o := harness.NewTolerantEnv(t).With("HTTP_ADDRESS="+silent.Addr().String()).Run("health").ExpectFailure(
			harness.ExitFailure, "deadline exceeded")
		require.Less(t, o.Duration, 3*time.Second+prompt)
	})
}
