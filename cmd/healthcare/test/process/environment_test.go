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

func TestAMisspeltVariableIsNamed(t *testing.T) {
	t.Parallel()
	t.Run("once in the log of a start, without its value", func(t *testing.T) {
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
	t.Run("by a command too, whose store may be another one", func(t *testing.T) {
		t.Parallel()
		o := harness.NewTolerantEnv(t).With("DATABSE_URL=hunter2").Run("migrate", "up")
		require.Equal(t, 0, o.ExitCode)
		require.Equal(t, "healthcare: warning: DATABSE_URL is unknown: did you mean DATABASE_URL?\n", o.Stderr)
	})
	t.Run("where the configuration is refused", func(t *testing.T) {
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
		"an address that works, although every interface is listened on")
	require.Empty(t, p.Run("health").ExpectSuccess())
	require.Equal(t, 0, r.Terminate().ExitCode)

	t.Run("that is no number is refused by every command that reads it", func(t *testing.T) {
		p := harness.NewEnv(t).With("HTTP_ADDRESS=", "PORT=hunter2")
		for _, command := range []string{"serve", "health", "migrate up"} {
			expectConfigError(p.Run(strings.Fields(command)...), p, "configuration: PORT: must be a port number")
		}
	})
}
