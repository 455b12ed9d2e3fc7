package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestRequireKeys(t *testing.T) {
	t.Run("names a missing file, and creates neither it nor its folder", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		c := load(t, "DATA_DIR", folder)
		err := c.RequireKeys()
		require.ErrorContains(t, err, "no secret_key at "+filepath.Join(folder, "secret_key"))
		require.ErrorAs(t, err, new(*config.Error))
		require.NoDirExists(t, folder)
		require.NoError(t, c.EnsureSecret())
		again := load(t, "DATA_DIR", folder)
		require.ErrorContains(t, again.RequireKeys(), "no audit_key at "+filepath.Join(folder, "audit_key"))
		require.NoFileExists(t, filepath.Join(folder, "audit_key"))
	})
	t.Run("reads stored keys, and keeps configured ones", func(t *testing.T) {
		folder, secret := t.TempDir(), strong(t)
		generated := load(t, "DATA_DIR", folder)
		require.NoError(t, generated.EnsureSecret())
		require.NoError(t, generated.EnsureAuditKey())
		stored := load(t, "DATA_DIR", folder)
		require.NoError(t, stored.RequireKeys())
		require.Equal(t, generated, stored)
		configured := load(t, "DATA_DIR", "/nowhere", "SECRET_KEY", secret, "AUDIT_KEY", secret)
		require.NoError(t, configured.RequireKeys())
	})
	t.Run("reports an invalid stored key as a configuration error", func(t *testing.T) {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "secret_key"), []byte("short"), 0o600))
		c := load(t, "DATA_DIR", folder)
		require.ErrorAs(t, c.RequireKeys(), new(*config.Error))
	})
}
