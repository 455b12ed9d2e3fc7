package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestRequireKeys(t *testing.T) {
	t.Run("names the file that is missing, and makes neither it nor its folder", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		c := load(t, "DATA_DIR", folder)
		require.ErrorContains(t, c.RequireKeys(), "no secret_key at "+filepath.Join(folder, "secret_key"))
		require.NoDirExists(t, folder)
		require.NoError(t, c.EnsureSecret())
		again := load(t, "DATA_DIR", folder)
		require.ErrorContains(t, again.RequireKeys(), "no audit_key at "+filepath.Join(folder, "audit_key"))
		require.NoFileExists(t, filepath.Join(folder, "audit_key"))
	})
	t.Run("takes what data_dir keeps, and what is given", func(t *testing.T) {
		folder, secret := t.TempDir(), strong(t)
		made := load(t, "DATA_DIR", folder)
		require.NoError(t, made.EnsureSecret())
		require.NoError(t, made.EnsureAuditKey())
		kept := load(t, "DATA_DIR", folder)
		require.NoError(t, kept.RequireKeys())
		require.Equal(t, made, kept)
		given := load(t, "DATA_DIR", "/nowhere", "SECRET_KEY", secret, "AUDIT_KEY", secret)
		require.NoError(t, given.RequireKeys())
	})
	t.Run("refuses a kept key that cannot be used as a wrong configuration", func(t *testing.T) {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "secret_key"), []byte("short"), 0o600))
		c := load(t, "DATA_DIR", folder)
		require.ErrorAs(t, c.RequireKeys(), new(*config.Error))
	})
}
