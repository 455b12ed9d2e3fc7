package process

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestExposedFilesAreReported(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no file modes")
	}
	t.Parallel()
	p := harness.NewEnv(t).With("PASSWORD_HASH_MEMORY=64", "PASSWORD_HASH_ITERATIONS=1")
	start := func() string {
		r := p.Start()
		r.WaitReady()
		return r.Terminate().Stderr
	}
	require.NotContains(t, start(), "is accessible to other accounts", "new files are private")
	data := filepath.Join(p.Folder, "data")
	for path, mode := range map[string]os.FileMode{
		data:                              0o755,
		filepath.Join(data, "secret_key"): 0o644,
		filepath.Join(data, "audit_key"):  0o640,
	} {
		require.NoError(t, os.Chmod(path, mode)) // #nosec G302 -- too permissive on purpose
	}
	log := start()
	for _, name := range []string{"data", "data/secret_key", "data/audit_key"} {
		require.Contains(t, log, name+" is accessible to other accounts")
		require.Contains(t, log, "chmod go= data")
	}
	requireCheck(t, doctor(p, 0), "warn", "files", "secret_key is accessible to other accounts", "0644")
}
