package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestEnsureAuditKey(t *testing.T) {
	t.Run("generates and stores one with mode 0600, independent of the secret", func(t *testing.T) {
		c := config.Config{DataDir: filepath.Join(t.TempDir(), "data")}
		require.NoError(t, c.EnsureAuditKey())
		again := config.Config{DataDir: c.DataDir, SecretKey: "another"}
		require.NoError(t, again.EnsureAuditKey())
		require.Equal(t, c.AuditKey.Reveal(), again.AuditKey.Reveal())
		require.Equal(t, c.AuditKey.Reveal(), load(t, "AUDIT_KEY", c.AuditKey.Reveal()).AuditKey.Reveal(), "strong")
		info, err := os.Stat(filepath.Join(c.DataDir, "audit_key"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	})
	t.Run("keeps a configured one", func(t *testing.T) {
		c := config.Config{DataDir: filepath.Join(t.TempDir(), "data"), AuditKey: "given", AppEnv: config.Production}
		require.NoError(t, c.EnsureAuditKey())
		require.Equal(t, "given", c.AuditKey.Reveal())
		require.NoDirExists(t, c.DataDir)
	})
	t.Run("generates none in production or with PostgreSQL", func(t *testing.T) {
		for _, c := range []config.Config{{AppEnv: config.Production}, {DatabaseURL: "postgres://a@b/c"}} {
			c.DataDir = filepath.Join(t.TempDir(), "data")
			require.ErrorContains(t, c.EnsureAuditKey(), "audit_key (AUDIT_KEY): is required")
			require.NoDirExists(t, c.DataDir)
		}
	})
	t.Run("does not replace an invalid one", func(t *testing.T) {
		c := config.Config{DataDir: t.TempDir()}
		require.NoError(t, os.WriteFile(filepath.Join(c.DataDir, "audit_key"), []byte("short-hunter2"), 0o600))
		err := c.EnsureAuditKey()
		require.ErrorContains(t, err, "put it back from a backup")
		require.NotContains(t, err.Error(), "hunter2")
	})
}

func TestAuditCheckpointsPath(t *testing.T) {
	require.Equal(t, "elsewhere/audit-checkpoints.jsonl", load(t, "DATA_DIR", "elsewhere").AuditCheckpointsPath())
	require.Equal(t, "/mnt/worm/c", load(t, "AUDIT_CHECKPOINTS", "/mnt/worm/c").AuditCheckpointsPath())
}
