package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 123_456_000, time.UTC)

func TestRotateSecret(t *testing.T) {
	t.Run("generates a secret and keeps the previous one for the next start", func(t *testing.T) {
		c := config.Config{DataDir: t.TempDir(), SessionLifetime: time.Hour}
		first, next := c, c
		require.NoError(t, first.EnsureSecret())
		rotation, err := c.RotateSecret(noon, false)
		require.NoError(t, err)
		require.Empty(t, rotation.Dropped)
		require.NoError(t, next.EnsureSecret())
		require.Equal(t, rotation.Secrets.Newest, next.SecretKey)
		require.Equal(t, []config.Secret{first.SecretKey}, next.PreviousSecrets())
		load(
			t, "SECRET_KEY", next.SecretKey.Reveal(), "SECRET_KEY_PREVIOUS", next.SecretKeyPrevious.Reveal(),
		) // both are strong

		rotation, err = c.RotateSecret(noon.Add(time.Hour+time.Second), false)
		require.NoError(t, err)
		require.Equal(t, first.SecretKey, rotation.Dropped[0].Secret, "session_lifetime is over")
	})
	t.Run("rejects a folder without a secret, which may be the wrong folder", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		_, err := config.Config{DataDir: folder}.RotateSecret(noon, false)
		require.ErrorContains(t, err, "no secret_key at "+filepath.Join(folder, "secret_key"))
		require.NoDirExists(t, folder)
	})
	t.Run("rejects a concurrent rotation", func(t *testing.T) {
		c := config.Config{DataDir: newDataDir(t, strong(t))}
		require.NoError(t, os.WriteFile(filepath.Join(c.DataDir, "secret_key.new"), nil, 0o600))
		_, err := c.RotateSecret(noon, false)
		require.ErrorAs(t, err, new(*config.Error))
		require.ErrorContains(t, err, "data_dir (DATA_DIR): another rotation is under way")
	})
}
