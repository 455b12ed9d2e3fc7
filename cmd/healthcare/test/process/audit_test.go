package process

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/audit/audittest"
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
		output := runInteractively(t, shells[0], p, strings.Replace(walk, "http://127.0.0.1:8000", base, 1))
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
		require.Regexp(t, `(?m)^sound: \d+ entries(, of which \d+ are not sealed yet)?$`,
			p.Run("audit", "verify").ExpectSuccess(), "while the server runs")
		require.Equal(t, 0, server.Terminate().ExitCode)

		db := openTampering(t, cfg)
		entries := audittest.Entries(t.Context(), t, db)
		require.Greater(t, len(entries), 12)
		var segments []map[string]any
		require.NoError(t, db.Read(t.Context()).Table("audit_segments").Order("number").Find(&segments).Error)
		require.Greater(t, len(segments), 1)
		edit := func(statement string, values ...any) {
			t.Helper()
			require.NoError(t, db.Write(t.Context()).Exec(statement, values...).Error)
		}
		for _, segment := range segments {
			for _, column := range []string{
				"first", "entries", "first_at", "last_at", "sealed_at", "key_id", "mac", "raw_size", "packed",
			} {
				value := "mac"
				switch column {
				case "key_id":
					value = "'other'"
				case "mac":
					value = "packed"
				case "packed":
				default:
					value = column + " + 1"
				}
				edit("UPDATE audit_segments SET "+column+" = "+value+" WHERE number = ?", segment["number"])
				p.Run("audit", "verify").ExpectFailure(1, fmt.Sprintf("segment %v: ", segment["number"]))
				require.NoError(t, db.Write(t.Context()).Table("audit_segments").
					Where("number = ?", segment["number"]).Updates(segment).Error)
			}
		}
		require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), fmt.Sprintf("sound: %d entries\n", len(entries)),
			"all rows are restored")
		edit("UPDATE audit_chain SET number = ?, sequence = ?, mac = (SELECT mac FROM audit_segments WHERE number = ?)",
			segments[0]["number"], segments[0]["entries"], segments[0]["number"])
		edit("DELETE FROM audit_segments WHERE number > ?", segments[0]["number"])
		p.Run("audit", "verify").ExpectFailure(1, "segment 2: is missing: the checkpoint of ", " is about segment ")
	})
}

// openTampering opens the store without the triggers that protect the trail's tables, as their owner can.
func openTampering(t *testing.T, cfg database.Config) *database.DB {
	t.Helper()
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Connect(context.Background()))
	statements := []string{
		"ALTER TABLE audit_segments DISABLE TRIGGER USER", "ALTER TABLE audit_chain DISABLE TRIGGER USER",
	}
	if db.Engine() == database.SQLite {
		statements = []string{
			"DROP TRIGGER IF EXISTS audit_segments_refuse_update",
			"DROP TRIGGER IF EXISTS audit_segments_refuse_delete",
			"DROP TRIGGER IF EXISTS audit_chain_advance",
		}
	}
	for _, statement := range statements {
		require.NoError(t, db.Write(t.Context()).Exec(statement).Error)
	}
	return db
}
