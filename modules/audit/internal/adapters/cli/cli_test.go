package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/adapters/checkpoints"
	"healthcare/modules/audit/internal/adapters/cli"
	"healthcare/modules/audit/internal/adapters/store"
	"healthcare/modules/audit/internal/app"
	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func secret(name string) domain.Secret {
	bytes := sha256.Sum256([]byte(name))
	return domain.Secret{ID: name, Bytes: bytes[:]}
}

// installation is a store with 20 entries and a file of checkpoints.
type installation struct {
	db          *database.DB
	cfg         trail.Config
	clock       *clock.Manual
	maintenance *app.Maintenance
	keeper      *app.Keeper
	recorder    *app.Recorder
}

func newInstallation(t *testing.T, db *database.DB) installation {
	p := installation{db: db, clock: clock.At(time.Now()), cfg: trail.Config{
		Checkpoints:     filepath.Join(t.TempDir(), "data", "checkpoints.jsonl"),
		CheckpointEvery: time.Minute,
		CommitTimeout:   time.Minute,
	}}
	keys := domain.NewKeys([]domain.Secret{secret("entries")}, []domain.Secret{secret("checkpoints")})
	segments, ledger := store.NewSegments(db), store.New(db)
	file, clk := checkpoints.New(p.cfg, zap.NewNop()), p.clock
	sealing := app.NewSealing(segments, keys, file, clk, p.cfg)
	p.recorder = app.NewRecorder(segments, keys, clk, sealing, p.cfg)
	p.maintenance = app.NewMaintenance(segments, ledger, p.recorder, sealing, keys, file, db, clk)
	p.keeper = app.NewKeeper(segments, sealing, ledger, keys, file, clk, p.cfg)
	p.record(t, 20)
	return p
}

func (p installation) record(t *testing.T, n int) {
	t.Helper()
	entries := make([]audit.Entry, n)
	for i := range entries {
		entries[i] = audit.Entry{
			Action:    audit.Read,
			Resource:  audit.Patient,
			PatientID: uuid.New(),
			Outcome:   audit.Success,
			Status:    200,
		}
	}
	require.NoError(t, p.recorder.Record(t.Context(), auth.Principal{UserID: uuid.New()}, entries...))
	require.NoError(t, p.keeper.Finish(t.Context()))
}

// run executes healthcare audit with arguments.
func (p installation) run(t *testing.T, args ...string) (out, stderrText string, err error) {
	t.Helper()
	command := cli.New(func(ctx context.Context, do func(context.Context, *app.Maintenance) error) error {
		return do(ctx, p.maintenance)
	}, func() (*app.Maintenance, error) { return p.maintenance, nil })
	var stdout, stderr bytes.Buffer
	command.SetOut(&stdout)
	command.SetErr(&stderr)
	command.SetArgs(args)
	command.SilenceErrors, command.SilenceUsage = true, true
	err = command.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

func TestAuditCommands(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		p := newInstallation(t, db)
		export := filepath.Join(t.TempDir(), "trail.jsonl")
		t.Run("verify prints the number of sound entries", func(t *testing.T) {
			out, stderrText, err := p.run(t, "verify")
			require.NoError(t, err)
			require.Contains(t, out, "sound: 20 entries\n")
			require.Empty(t, stderrText, "progress is for terminals")
		})
		t.Run("verify accepts an export", func(t *testing.T) {
			out, stderrText, err := p.run(t, "export")
			require.NoError(t, err)
			require.Equal(t, "exported: 21 entries\n", stderrText)
			require.NoError(t, os.WriteFile(export, []byte(out), 0o600))
			out, _, err = p.run(t, "verify", "--export", export, "--checkpoints", p.cfg.Checkpoints)
			require.NoError(t, err)
			require.Contains(t, out, "sound: 21 entries\n")
		})
		t.Run("only the owner can read the checkpoints", func(t *testing.T) {
			info, err := os.Stat(p.cfg.Checkpoints)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
		})
		t.Run("verify rejects a missing file", func(t *testing.T) {
			_, _, err := p.run(t, "verify", "--checkpoints", p.cfg.Checkpoints+".missing")
			require.ErrorIs(t, err, os.ErrNotExist)
			_, _, err = p.run(t, "verify", "--export", export+".missing")
			require.ErrorIs(t, err, os.ErrNotExist)
		})
		t.Run("verify rejects a file of something else", func(t *testing.T) {
			other := filepath.Join(t.TempDir(), "other")
			require.NoError(t, os.WriteFile(other, []byte("root:x:0:0\n"), 0o600))
			_, _, err := p.run(t, "verify", "--checkpoints", other)
			require.ErrorIs(t, err, domain.ErrNoCheckpoint)
		})
		t.Run("compact rejects a missing file", func(t *testing.T) {
			require.NoError(t, os.Rename(p.cfg.Checkpoints, p.cfg.Checkpoints+".away"))
			_, _, err := p.run(t, "compact")
			require.NoError(t, os.Rename(p.cfg.Checkpoints+".away", p.cfg.Checkpoints))
			require.ErrorContains(t, err, "AUDIT_CHECKPOINTS names a file that is missing")
		})
		t.Run("verify fails if the named file has no checkpoint to compare", func(t *testing.T) {
			torn := filepath.Join(t.TempDir(), "torn")
			require.NoError(t, os.WriteFile(torn, []byte(`{"chain":9,"sequence":3,"mac":"00`+"\n"), 0o600))
			out, _, err := p.run(t, "verify", "--checkpoints", torn)
			require.ErrorContains(t, err, "has no checkpoint of an entry that the trail still has")
			require.Equal(t, "note: checkpoints, line 1 is torn: a process was killed while writing it\n"+
				"note: compared with no checkpoint, so nothing shows whether the end was cut off\n"+
				"sound: 21 entries\n", out)
		})
		t.Run("prune rejects an invalid day and reports that no entry is old enough", func(t *testing.T) {
			_, _, err := p.run(t, "prune", "--before", "yesterday")
			require.ErrorContains(t, err, "--before must be a day such as 2020-01-01")
			out, _, err := p.run(t, "prune", "--before", "2020-01-01")
			require.NoError(t, err)
			require.Equal(t, "pruned: 0 entries: the trail has none that old\n", out)
			_, _, err = p.run(t, "prune")
			require.ErrorContains(t, err, "before")
		})
		t.Run("prune deletes entries, and the remaining trail verifies", func(t *testing.T) {
			p.clock.Advance(25 * time.Hour)
			p.record(t, 1)
			out, _, err := p.run(t, "prune", "--before", p.clock.Now().Format(time.DateOnly))
			require.NoError(t, err)
			require.Equal(t, "pruned: 21 entries\n", out)
			p.record(t, 5)
			out, _, err = p.run(t, "verify")
			require.NoError(t, err)
			require.Contains(t, out, "sound: 7 entries\n")
		})
		t.Run("verify counts entries that are not sealed, and prints jumps of the clock", func(t *testing.T) {
			p.clock.Advance(-25 * time.Hour)
			p.record(t, 1)
			require.NoError(t, p.recorder.Record(t.Context(), auth.Principal{}, audit.Entry{
				Action: audit.LoginFailed, Resource: "Session", Outcome: audit.Denied,
			}))
			out, _, err := p.run(t, "verify")
			require.NoError(t, err)
			require.Regexp(t, `^note: segment 7, sealed at .*: a clock jumped, or a transaction took minutes`+
				`\. Segment 6 was sealed at \S+\n`+
				`note: compared with \d+ checkpoints, the last of \S+\n`+
				`sound: 9 entries, of which 1 are not sealed yet\n$`, out)
		})
		t.Run("verify names the first bad segment", func(t *testing.T) {
			disableTrigger := "ALTER TABLE audit_segments DISABLE TRIGGER USER"
			if db.Engine() == database.SQLite {
				disableTrigger = "DROP TRIGGER audit_segments_refuse_update"
			}
			change := "UPDATE audit_segments SET last_at = last_at + 1 " +
				"WHERE number = (SELECT max(number) FROM audit_segments)"
			for _, statement := range []string{disableTrigger, change} {
				require.NoError(t, db.Write(t.Context()).Exec(statement).Error)
			}
			out, _, err := p.run(t, "verify")
			require.ErrorContains(t, err, "audit trail, segment ")
			require.ErrorContains(t, err, "was changed")
			require.Empty(t, out)
		})
		t.Run("close ends the chains of earlier releases", func(t *testing.T) {
			p := newInstallation(t, db)
			out, _, err := p.run(t, "close")
			require.NoError(t, err)
			require.Equal(t, "closed: the chains of earlier releases\n", out)
			out, _, err = p.run(t, "close")
			require.NoError(t, err)
			require.Equal(t, "the chains of earlier releases are closed already\n", out)
		})
		t.Run("rejects a misspelt command", func(t *testing.T) {
			_, _, err := p.run(t, "verfy")
			require.ErrorContains(t, err, "unknown command")
		})
	})
}
