package process

import (
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestMisspeltVariableIsReported(t *testing.T) {
	t.Parallel()
	t.Run("once in the log of the start, without its value", func(t *testing.T) {
		t.Parallel()
		r := harness.NewTolerantEnv(t).With("HTTP_ADRESS=hunter2", "HEALTHCARE_PORT=tcp://10.0.0.1:8000",
			"LOGNAME=x").Start()
		harness.NewHTTPClient(t, r.WaitReady()).Call("GET", "/livez", nil, 200)
		o := r.Terminate()
		require.Equal(t, 0, o.ExitCode)
		var warned []object
		for _, line := range o.StderrLines() {
			var entry object
			require.NoError(t, json.Unmarshal([]byte(line), &entry))
			if entry["level"] == "warn" {
				warned = append(warned, entry)
			}
		}
		require.Len(t, warned, 1)
		require.Equal(t, "HTTP_ADRESS", warned[0]["variable"])
		require.Equal(t, "HTTP_ADDRESS", warned[0]["did_you_mean"])
	})
	t.Run("by commands", func(t *testing.T) {
		t.Parallel()
		o := harness.NewTolerantEnv(t).With("DATABSE_URL=hunter2").Run("migrate", "up")
		require.Equal(t, 0, o.ExitCode)
		require.Equal(t, "healthcare: warning: DATABSE_URL is unknown: did you mean DATABASE_URL?\n", o.Stderr)
	})
	t.Run("in the error of an invalid configuration", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t).With("APP_ENV=production", "SECRET_KEY="+harness.SecretKey, "AUDIT_KEY_FIEL=hunter2")
		p.Run().ExpectFailure(harness.ExitConfig, "audit_key (AUDIT_KEY): is required",
			"AUDIT_KEY_FIEL is set but unknown: did you mean AUDIT_KEY_FILE?")
	})
}

func TestPort(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	require.NoError(t, free.Close())
	p := harness.NewTolerantEnv(t).With("HTTP_ADDRESS=", "PORT="+port)
	r := p.Start()
	require.Equal(t, "http://127.0.0.1:"+port, r.WaitReady(),
		"an address that clients can use, although the server listens on all interfaces")
	require.Empty(t, p.Run("health").ExpectSuccess())
	require.Equal(t, 0, r.Terminate().ExitCode)

	t.Run("every command rejects a PORT that is not a number", func(t *testing.T) {
		p := harness.NewEnv(t).With("HTTP_ADDRESS=", "PORT=hunter2")
		for _, command := range []string{"serve", "health", "migrate up"} {
			expectConfigError(p.Run(strings.Fields(command)...), p, "configuration: PORT: must be a port number")
		}
	})
}
