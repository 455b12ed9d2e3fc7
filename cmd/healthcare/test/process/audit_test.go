package process

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// TestTrailOfTheReadmesWalk checks the trail of the README's walk: an auditor can read it, it verifies while the server
// runs, and verification detects a change of any row by SQL.
func TestTrailOfTheReadmesWalk(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, cfg database.Config) {
		server := p.Start()
		base := server.WaitReady()
		walk := readmeBlocks(t, harness.Root(t, "README.md"), "## A walk through the API")
		output := runInteractively(t, shells[0], strings.Replace(walk, "http://127.0.0.1:8000", base, 1))
		require.Contains(t, output, `"name":"Dr. Vikram Khanna"`)
		require.Equal(t, "created: audrey@clinic.example, auditor, active\n",
			p.RunWithInput("correct horse\n", "user", "create", "--name", "Audrey", "--email", "audrey@clinic.example",
				"--role", "auditor").ExpectSuccess())

		c := harness.NewHTTPClient(t, base)
		c.Token = c.Call("POST", "/api/auth/login/",
			object{"email": "audrey@clinic.example", "password": "correct horse"}, 200)["access"].(string)
		actions := map[string]int{}
		for _, entry := range c.List("/api/audit/?limit=500") {
			actions[fmt.Sprint(entry["action"], " ", entry["resource_type"])]++
		}
		for _, action := range []string{
			"create User", "login Session", "create Patient", "update Patient", "list Patient", "create Doctor",
			"create Assignment", "list Assignment",
			"refresh Session", "delete Patient",
		} {
			require.Positive(t, actions[action], "%s: %v", action, actions)
		}
		require.Regexp(t, `^sound: \d+ entries\n$`, p.Run("audit", "verify").ExpectSuccess(), "while the server runs")
		require.Equal(t, 0, server.Terminate().ExitCode)

		db := openTampering(t, cfg)
		rows := func(table string) (all []map[string]any) {
			require.NoError(t, db.Read(t.Context()).Table(table).Order("sequence").Find(&all).Error)
			return all
		}
		requireDetected := func(sequence any, statement string, values ...any) {
			t.Helper()
			require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
			p.Run("audit", "verify").ExpectFailure(1, fmt.Sprintf("chain 1, entry %v: ", sequence))
		}
		entries := rows("audit_entries")
		require.Greater(t, len(entries), 12)
		edits := []string{"status = status + 1", "role = 'admin'", "action = 'read'||action", "address = '192.0.2.1'",
			"id_count = id_count + 1", "request_id = 'x'||request_id"}
		for i, entry := range entries {
			requireDetected(entry["sequence"], "UPDATE audit_entries SET "+edits[i%len(edits)]+" WHERE sequence = ?",
				entry["sequence"])
			require.NoError(
				t, db.Write(t.Context()).Exec("DELETE FROM audit_entries WHERE sequence = ?",
					entry["sequence"]).Error)
			require.NoError(t, db.Write(t.Context()).Table("audit_entries").Create(entry).Error)
		}
		for _, row := range rows("audit_subjects")[:4] {
			requireDetected(row["sequence"], "DELETE FROM audit_subjects WHERE patient_id = ? AND sequence = ?",
				row["patient_id"], row["sequence"])
			require.NoError(t, db.Write(t.Context()).Table("audit_subjects").Create(row).Error)
		}
		require.Equal(t, fmt.Sprintf("sound: %d entries\n", len(entries)), p.Run("audit", "verify").ExpectSuccess(),
			"all rows are restored")
		requireDetected(len(entries), "DELETE FROM audit_entries WHERE sequence = ?", len(entries))
	})
}

// openTampering opens the store without the triggers that protect the trail's tables, as their owner can.
func openTampering(t *testing.T, cfg database.Config) *database.DB {
	t.Helper()
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Connect(context.Background()))
	statements := []string{"ALTER TABLE audit_entries DISABLE TRIGGER USER",
		"ALTER TABLE audit_subjects DISABLE TRIGGER USER"}
	if db.Engine() == database.SQLite {
		statements = []string{
			"DROP TRIGGER audit_entries_refuse_update", "DROP TRIGGER audit_entries_refuse_delete",
			"DROP TRIGGER audit_subjects_refuse_delete",
		}
	}
	for _, statement := range statements {
		require.NoError(t, db.Write(t.Context()).Exec(statement).Error)
	}
	return db
}
