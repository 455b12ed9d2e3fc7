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

// A database that is not there, beside checkpoints that know one, is missing: nobody is served an empty service in its
// place.
func TestMissingDatabaseIsReported(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		p = p.With("AUDIT_CHECKPOINTS=" + filepath.Join(p.Folder, "checkpoints.jsonl"))
		r := p.Start()
		harness.NewHTTPClient(t, r.WaitReady()).SignUp()
		require.Equal(t, 0, r.Terminate().ExitCode)
		r = p.Start() // what is there is served
		r.WaitReady()
		require.Equal(t, 0, r.Terminate().ExitCode)

		gone := p.With("DATA_DIR=" + t.TempDir())
		if db.URL != "" {
			gone = gone.With("DATABASE_URL=" + databasetest.PostgresURL(t))
		}
		gone.Run().ExpectFailure(harness.ExitFailure, "AUDIT_CHECKPOINTS", "the database is missing")
		require.NoError(t, os.Remove(filepath.Join(p.Folder, "checkpoints.jsonl")))
		r = gone.Start()
		r.WaitReady()
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
}
