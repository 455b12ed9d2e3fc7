package process

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestExposedFilesAreLoggedAtTheStart(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its permissions are not these")
	}
	t.Parallel()
	p := harness.NewEnv(t).With("PASSWORD_HASH_MEMORY=64", "PASSWORD_HASH_ITERATIONS=1")
	start := func() string {
		r := p.Start()
		r.WaitReady()
		return r.Terminate().Stderr
	}
	require.NotContains(t, start(), "is accessible to other accounts", "what the program makes is its owner's alone")
	data := filepath.Join(p.Folder, "data")
	for path, mode := range map[string]os.FileMode{
		data:                              0o755,
		filepath.Join(data, "secret_key"): 0o644,
		filepath.Join(data, "audit_key"):  0o640,
	} {
		require.NoError(t, os.Chmod(path, mode)) // #nosec G302 -- the mistake
	}
	said := start()
	for _, name := range []string{"data", "data/secret_key", "data/audit_key"} {
		require.Contains(t, said, name+" is accessible to other accounts")
		require.Contains(t, said, "chmod go= data")
	}
	requireCheck(t, doctor(p, 0), "warn", "files", "secret_key is accessible to other accounts", "0644")
}
