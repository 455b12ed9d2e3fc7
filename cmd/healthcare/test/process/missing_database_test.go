package process

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestMissingDatabaseIsReported checks that the program does not create an empty database if checkpoints show that one
// existed.
func TestMissingDatabaseIsReported(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		p = p.With("AUDIT_CHECKPOINTS=" + filepath.Join(p.Folder, "checkpoints.jsonl"))
		r := p.Start()
		harness.NewHTTPClient(t, r.WaitReady()).SignUp()
		require.Equal(t, 0, r.Terminate().ExitCode)
		r = p.Start() // with the same database
		r.WaitReady()
		require.Equal(t, 0, r.Terminate().ExitCode)

		missing := p.With("DATA_DIR=" + t.TempDir())
		if db.URL != "" {
			missing = missing.With("DATABASE_URL=" + databasetest.PostgresURL(t))
		}
		missing.Run().ExpectFailure(harness.ExitFailure, "AUDIT_CHECKPOINTS", "the database is missing")
		require.NoError(t, os.Remove(filepath.Join(p.Folder, "checkpoints.jsonl")))
		r = missing.Start()
		r.WaitReady()
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
}
