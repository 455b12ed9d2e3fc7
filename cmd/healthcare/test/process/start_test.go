package process

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestStartWithoutConfiguration(t *testing.T) {
	t.Parallel()
	p := harness.NewEnv(t)
	first := p.Start()
	base := first.WaitReady()
	c := harness.NewHTTPClient(t, base)
	c.SignUp()
	id := c.AddPatient()

	t.Run("prints one line with the address, the store and the API's description", func(t *testing.T) {
		output := harness.ListeningLine.FindStringSubmatch(first.Stdout.String())
		require.Equal(t, harness.TestVersion, output[1])
		require.Equal(t, "SQLite (data/healthcare.db)", output[3])
		require.Equal(t, base+"/docs/", output[4])
		require.NotEmpty(t, harness.NewHTTPClient(t, "").Call("GET", base+"/openapi.json", nil, 200)["paths"])
		require.Equal(t, http.StatusOK, statusForHost(t, base, "127.0.0.1", "/docs/"))
	})
	t.Run("creates a folder that only the owner can read", func(t *testing.T) {
		folder, err := os.Stat(filepath.Join(p.Folder, "data"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
		files, err := os.ReadDir(filepath.Join(p.Folder, "data"))
		require.NoError(t, err)
		for _, file := range files {
			info, err := file.Info()
			require.NoError(t, err)
			if file.Name() == "mail" {
				require.Equal(t, os.FileMode(0o700)|os.ModeDir, info.Mode())
				continue
			}
			require.Equal(t, os.FileMode(0o600), info.Mode(), file.Name())
			require.Contains(
				t, []string{"healthcare.db", "healthcare.db-wal", "healthcare.db-shm", "secret_key", "audit_key"},
				file.Name())
		}
		elsewhere, err := os.ReadDir(p.Folder)
		require.NoError(t, err)
		require.Len(t, elsewhere, 1, "no other files")
	})
	t.Run("logs its configuration without secrets", func(t *testing.T) {
		secret, err := os.ReadFile(filepath.Join(p.Folder, "data", "secret_key"))
		require.NoError(t, err)
		require.Contains(t, first.Stderr.String(), `"keys":{"http_address":"127.0.0.1:0"}`,
			"only keys that differ from their defaults")
		require.NotContains(t, first.Stderr.String(), strings.TrimSpace(string(secret)))
	})

	ended := first.Terminate()
	require.Equal(t, 0, ended.ExitCode)
	require.Equal(t, 1, strings.Count(ended.Stdout, "\n"), "standard output has only that line")

	t.Run("keeps data and sessions after a restart", func(t *testing.T) {
		second := p.Start("serve")
		again := harness.NewHTTPClient(t, second.WaitReady())
		again.Token = c.Token
		require.Equal(t, "Ananya Verma", again.Call("GET", "/api/patients/"+id+"/", nil, 200)["name"])
		require.Equal(t, 0, second.Terminate().ExitCode)
	})
}

// TestConcurrentFirstStarts checks that two processes that generate the secret at once agree on it: a token of one is
// valid at the other.
func TestConcurrentFirstStarts(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t)
	require.Equal(t, 0, p.Run("migrate", "up").ExitCode,
		"SQLite's migrations have no lock, and this test is about the secret")
	require.NoError(t, os.Remove(filepath.Join(p.Folder, "data", "secret_key")))
	one, other := p.Start(), p.Start()
	c, d := harness.NewHTTPClient(t, one.WaitReady()), harness.NewHTTPClient(t, other.WaitReady())
	c.SignUp()
	d.Token = c.Token
	d.Call("GET", "/api/patients/"+c.AddPatient()+"/", nil, 200)
	require.Equal(t, 0, one.Terminate().ExitCode)
	require.Equal(t, 0, other.Terminate().ExitCode)
}

// TestKilledFirstStart checks that the program starts after its first start was killed.
func TestKilledFirstStart(t *testing.T) {
	t.Parallel()
	for _, delay := range []int{10, 20, 30, 40, 60} { // milliseconds
		p := harness.NewTolerantEnv(t)
		killed := p.Start()
		time.Sleep(time.Duration(delay) * time.Millisecond)
		_ = killed.Cmd.Process.Kill()
		<-killed.Done
		again := p.Start()
		harness.NewHTTPClient(t, again.WaitReady()).SignUp()
		require.Equal(t, 0, again.Terminate().ExitCode, "after %d ms", delay)
	}
}
