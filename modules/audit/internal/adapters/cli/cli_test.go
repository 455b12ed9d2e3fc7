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

// place is an installation: a store with 20 entries, and a file of checkpoints.
type place struct {
	db        *database.DB
	cfg       trail.Config
	custodian *app.Custodian
	keeper    *app.Keeper
	recorder  *app.Recorder
}

func newPlace(t *testing.T, db *database.DB) place {
	p := place{db: db, cfg: trail.Config{Checkpoints: filepath.Join(t.TempDir(), "data", "checkpoints.jsonl"), CheckpointEvery: time.Minute, CommitTimeout: time.Minute}}
	keys := domain.NewKeys([]domain.Secret{secret("entries")}, []domain.Secret{secret("checkpoints")})
	ledger, kept, clock := store.New(db), checkpoints.New(p.cfg, zap.NewNop()), clock.New()
	p.recorder = app.NewRecorder(ledger, keys, clock, p.cfg)
	p.custodian = app.NewCustodian(ledger, keys, kept, db, clock)
	p.keeper = app.NewKeeper(ledger, keys, kept, clock, p.cfg)
	p.record(t, 20)
	return p
}

func (p place) record(t *testing.T, n int) {
	t.Helper()
	entries := make([]audit.Entry, n)
	for i := range entries {
		entries[i] = audit.Entry{Action: audit.Read, Resource: audit.Patient, PatientID: uuid.New(), Outcome: audit.Success, Status: 200}
	}
	require.NoError(t, p.recorder.Record(t.Context(), auth.Principal{UserID: uuid.New()}, entries...))
	require.NoError(t, p.keeper.Finish(t.Context()))
}

// run is healthcare audit with these arguments.
func (p place) run(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	command := cli.New(func(ctx context.Context, do func(context.Context, *app.Custodian) error) error {
		return do(ctx, p.custodian)
	}, func() (*app.Custodian, error) { return p.custodian, nil })
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
		p := newPlace(t, db)
		export := filepath.Join(t.TempDir(), "trail.jsonl")
		t.Run("verify says how much is sound", func(t *testing.T) {
			out, said, err := p.run(t, "verify")
			require.NoError(t, err)
			require.Equal(t, "sound: 20 entries\n", out)
			require.Empty(t, said, "progress is for terminals")
		})
		t.Run("export writes what verify takes", func(t *testing.T) {
			out, said, err := p.run(t, "export")
			require.NoError(t, err)
			require.Equal(t, "exported: 21 entries\n", said)
			require.NoError(t, os.WriteFile(export, []byte(out), 0o600))
			out, _, err = p.run(t, "verify", "--export", export, "--checkpoints", p.cfg.Checkpoints)
			require.NoError(t, err)
			require.Equal(t, "sound: 21 entries\n", out)
		})
		t.Run("checkpoints are kept for their owner alone, and a file that is not there is an error", func(t *testing.T) {
			info, err := os.Stat(p.cfg.Checkpoints)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
			_, _, err = p.run(t, "verify", "--checkpoints", p.cfg.Checkpoints+".gone")
			require.ErrorIs(t, err, os.ErrNotExist)
			_, _, err = p.run(t, "verify", "--export", export+".gone")
			require.ErrorIs(t, err, os.ErrNotExist)
		})
		t.Run("prune wants a day, and says when there is nothing", func(t *testing.T) {
			_, _, err := p.run(t, "prune", "--before", "yesterday")
			require.ErrorContains(t, err, "--before is a day such as 2020-01-01")
			_, _, err = p.run(t, "prune", "--before", "2020-01-01")
			require.EqualError(t, err, "No entry of the audit trail is that old.")
			_, _, err = p.run(t, "prune")
			require.ErrorContains(t, err, "before")
		})
		t.Run("prune removes, and what is left verifies", func(t *testing.T) {
			out, _, err := p.run(t, "prune", "--before", "2999-01-01")
			require.NoError(t, err)
			require.Equal(t, "pruned: 21 entries\n", out)
			p.record(t, 5)
			out, _, err = p.run(t, "verify")
			require.NoError(t, err)
			require.Equal(t, "sound: 6 entries\n", out)
		})
		t.Run("verify names the first bad entry", func(t *testing.T) {
			disarm := "ALTER TABLE audit_entries DISABLE TRIGGER USER"
			if db.Engine() == database.SQLite {
				disarm = "DROP TRIGGER audit_entries_refuse_update"
			}
			for _, statement := range []string{disarm, "UPDATE audit_entries SET status = 404 WHERE sequence = 24"} {
				require.NoError(t, db.Write(t.Context()).Exec(statement).Error)
			}
			out, _, err := p.run(t, "verify")
			require.ErrorContains(t, err, "chain 1, entry 24: is not as it was recorded")
			require.Empty(t, out)
		})
		t.Run("a misspelt command is refused", func(t *testing.T) {
			_, _, err := p.run(t, "verfy")
			require.ErrorContains(t, err, "unknown command")
		})
	})
}
