package process

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// statusForHost returns the status of a request with this Host header.
func statusForHost(t *testing.T, base, host, path string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, base+path, nil)
	require.NoError(t, err)
	request.Host = host
	response, err := harness.NewHTTPClient(t, base).HTTP.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestAllowedHosts(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t).With("ALLOWED_HOSTS=clinic.example, .care.example")
	r := p.Start()
	base := r.WaitReady()
	require.True(t, strings.HasPrefix(base, "http://clinic.example:"),
		"the line at the start names an allowed host: %s", base)
	base = strings.Replace(base, "clinic.example", "127.0.0.1", 1) // a host that resolves
	for host, status := range map[string]int{
		"clinic.example": 200, "CLINIC.example:8000": 200, "care.example": 200, "ward.care.example": 200,
		"evil.example": 421, "clinic.example.evil.example": 421, "notcare.example": 421, "127.0.0.1": 421,
	} {
		require.Equal(t, status, statusForHost(t, base, host, "/openapi.json"), host)
	}
	p.With("HTTP_ADDRESS=" + strings.TrimPrefix(base, "http://")).Run("health").ExpectSuccess()
}

func TestLogs(t *testing.T) {
	t.Parallel()
	// logs returns the log lines of a program that served one request.
	logs := func(t *testing.T, env ...string) []string {
		t.Helper()
		r := harness.NewTolerantEnv(t).With(env...).Start()
		harness.NewHTTPClient(t, r.WaitReady()).Call("GET", "/livez", nil, 200)
		o := r.Terminate()
		require.Equal(t, 0, o.ExitCode)
		if o.Stderr == "" {
			return nil
		}
		return o.StderrLines()
	}
	t.Run("are JSON objects, one per line, at level info", func(t *testing.T) {
		t.Parallel()
		requests := 0
		for _, line := range logs(t) {
			var entry map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
			require.Equal(t, "info", entry["level"])
			if entry["msg"] == "request" {
				requests++
			}
		}
		require.Equal(t, 1, requests)
	})
	t.Run("are empty with LOG_LEVEL=error", func(t *testing.T) {
		t.Parallel()
		require.Empty(t, logs(t, "LOG_LEVEL=error"))
	})
	t.Run("are detailed with LOG_LEVEL=debug", func(t *testing.T) {
		t.Parallel()
		output := strings.Join(logs(t, "LOG_LEVEL=debug"), "\n")
		require.Contains(t, output, `{"level":"info"`)
		require.NotContains(t, output, "OnStart hook", "without events of the construction")
	})
	t.Run("are text with DEBUG=True, as in the Django service", func(t *testing.T) {
		t.Parallel()
		output := logs(t, "DEBUG=True")
		for _, line := range output {
			require.False(t, json.Valid([]byte(line)), line)
		}
		require.Contains(t, strings.Join(output, "\n"), "\tINFO\t")
	})
}
