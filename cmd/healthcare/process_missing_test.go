package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// A database that is not there, beside checkpoints that know one, is missing: nobody is served an empty service in its
// place.
func TestAMissingDatabaseIsNoEmptyService(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, db database.Config) {
		p = p.with("AUDIT_CHECKPOINTS=" + filepath.Join(p.folder, "checkpoints.jsonl"))
		r := p.start()
		newCaller(t, r.ready()).signUp()
		require.Equal(t, 0, r.terminate().code)
		r = p.start() // what is there is served
		r.ready()
		require.Equal(t, 0, r.terminate().code)

		gone := p.with("DATA_DIR=" + t.TempDir())
		if db.URL != "" {
			gone = gone.with("DATABASE_URL=" + databasetest.PostgresURL(t))
		}
		gone.run().failed(exitFailure, "AUDIT_CHECKPOINTS", "its database is missing")
		require.NoError(t, os.Remove(filepath.Join(p.folder, "checkpoints.jsonl")))
		r = gone.start()
		r.ready()
		require.Equal(t, 0, r.terminate().code)
	})
}
