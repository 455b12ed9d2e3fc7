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

// The trail of the README's walk: an auditor reads it, it verifies beside the server, and no row of it can be touched
// by SQL unseen.
func TestTheTrailOfTheReadmesWalk(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, cfg database.Config) {
		server := p.Start()
		base := server.WaitReady()
		walk := readmeBlocks(t, harness.Root(t, "README.md"), "## A walk through the API")
		said := runInteractively(t, shells[0], strings.Replace(walk, "http://127.0.0.1:8000", base, 1))
		require.Contains(t, said, `"name":"Dr. Vikram Khanna"`)
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
		for _, done := range []string{
			"create User", "login Session", "create Patient", "update Patient", "list Patient", "create Doctor",
			"create Assignment", "list Assignment",
			"refresh Session", "delete Patient",
		} {
			require.Positive(t, actions[done], "%s: %v", done, actions)
		}
		require.Regexp(t, `^sound: \d+ entries\n$`, p.Run("audit", "verify").ExpectSuccess(), "beside the server")
		require.Equal(t, 0, server.Terminate().ExitCode)

		db := openTampering(t, cfg)
		rows := func(table string) (all []map[string]any) {
			require.NoError(t, db.Read(t.Context()).Table(table).Order("sequence").Find(&all).Error)
			return all
		}
		refused := func(sequence any, statement string, values ...any) {
			t.Helper()
			require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
			p.Run("audit", "verify").ExpectFailure(1, fmt.Sprintf("chain 1, entry %v: ", sequence))
		}
		entries := rows("audit_entries")
		require.Greater(t, len(entries), 12)
		edits := []string{"status = status + 1", "role = 'admin'", "action = 'read'||action", "address = '192.0.2.1'",
			"id_count = id_count + 1", "request_id = 'x'||request_id"}
		for i, entry := range entries {
			put := func() {
				require.NoError(
					t, db.Write(t.Context()).Exec("DELETE FROM audit_entries WHERE sequence = ?",
						entry["sequence"]).Error)
				require.NoError(t, db.Write(t.Context()).Table("audit_entries").Create(entry).Error)
			}
			refused(entry["sequence"], "UPDATE audit_entries SET "+edits[i%len(edits)]+" WHERE sequence = ?",
				entry["sequence"])
			put()
		}
		for _, row := range rows("audit_subjects")[:4] {
			refused(row["sequence"], "DELETE FROM audit_subjects WHERE patient_id = ? AND sequence = ?",
				row["patient_id"], row["sequence"])
			require.NoError(t, db.Write(t.Context()).Table("audit_subjects").Create(row).Error)
		}
		require.Equal(t, fmt.Sprintf("sound: %d entries\n", len(entries)), p.Run("audit", "verify").ExpectSuccess(),
			"everything is back in its place")
		refused(len(entries), "DELETE FROM audit_entries WHERE sequence = ?", len(entries))
	})
}

// openTampering is the store to somebody who owns the trail's tables, and took its triggers away.
func openTampering(t *testing.T, cfg database.Config) *database.DB {
	t.Helper()
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Connect(context.Background()))
	disarm := []string{"ALTER TABLE audit_entries DISABLE TRIGGER USER",
		"ALTER TABLE audit_subjects DISABLE TRIGGER USER"}
	if db.Engine() == database.SQLite {
		disarm = []string{
			"DROP TRIGGER audit_entries_refuse_update", "DROP TRIGGER audit_entries_refuse_delete",
			"DROP TRIGGER audit_subjects_refuse_delete",
		}
	}
	for _, statement := range disarm {
		require.NoError(t, db.Write(t.Context()).Exec(statement).Error)
	}
	return db
}
