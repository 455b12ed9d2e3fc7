package process

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/databasetest"
)

// The trail of eight chains that earlier releases wrote stays readable and verifies, is closed, and goes on. From then
// on it refuses entries of those releases, so they fail closed.
func TestTrailOfEightChainsGoesOn(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATA_DIR="+data)
			driver, source := "sqlite", filepath.Join(data, "healthcare.db")
			if engine == "postgres" {
				driver, source = "pgx", databasetest.PostgresWith(t, "").URL
				p = p.With("DATABASE_URL=" + source)
			}
			dump := harness.Root(t, "cmd/healthcare/testdata/eight_chains", engine)
			statements, err := os.ReadFile(dump + ".sql")
			require.NoError(t, err)
			require.NoError(t, execute(driver, source, string(statements)))
			checkpoints, err := os.ReadFile(dump + ".jsonl")
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(data, "audit-checkpoints.jsonl"), checkpoints, 0o600))

			server := p.Start()
			c := harness.NewHTTPClient(t, server.WaitReady())
			verified := p.Run("audit", "verify").ExpectSuccess()
			require.Regexp(t, `^note: compared with [1-8] checkpoints`, verified)
			require.Contains(t, verified, "\nsound: 23 entries\n")
			c.Token = c.Call("POST", "/api/auth/login/", harness.AshaLogin, 200)["access"].(string)
			patient := c.List("/api/patients/")[0]["id"].(string)
			c.Call("GET", "/api/patients/"+patient+"/", nil, 200)
			actions := func(ordering string) (all []string) {
				for _, entry := range c.List("/api/patients/" + patient + "/access-log/?ordering=" + ordering) {
					all = append(all, entry["action"].(string))
				}
				return all
			}
			older := []string{"create", "create", "update", "search", "list", "read"}
			require.Equal(t, append(slices.Clone(older), "list", "read"), actions("created_at"))
			slices.Reverse(older)
			require.Equal(t, append([]string{"trail_read", "read", "list"}, older...), actions("-created_at"))
			p.Run("audit", "verify").ExpectSuccess()
			require.Equal(t, "closed: the chains of earlier releases\n", p.Run("audit", "close").ExpectSuccess())
			p.Run("audit", "verify").ExpectSuccess()
			c.Call("GET", "/api/patients/"+patient+"/", nil, 200)
			require.Equal(t, 0, server.Terminate().ExitCode)

			require.ErrorContains(t, execute(driver, source, `INSERT INTO audit_entries SELECT chain, sequence + 100,
				created_at, id, request_id, actor_id, role, session_id, address, action, resource_type, resource_id,
				patient_id, outcome, status, ids, id_count, fields, key_id, mac FROM audit_entries
				WHERE chain = 1 AND sequence = 1`), "the chains of audit entries are closed")
			require.Regexp(t, `(?m)^sound: 29 entries$`, p.Run("audit", "verify").ExpectSuccess())
		})
	}
}

// execute executes statements in the database.
func execute(driver, source, statements string) error {
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.Exec(statements)
	return err
}
