package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func ensureSecret(t *testing.T, folder string) string {
	t.Helper()
	c := config.Config{DataDir: folder}
	require.NoError(t, c.EnsureSecret())
	return c.SecretKey.Reveal()
}

func TestEnsureSecretGenerates(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "data")
	generated := ensureSecret(t, folder)

	t.Run("a valid secret", func(t *testing.T) {
		require.Equal(t, generated, load(t, "SECRET_KEY", generated).SecretKey.Reveal())
	})
	t.Run("with permissions for its owner only", func(t *testing.T) {
		info, err := os.Stat(filepath.Join(folder, "secret_key"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		info, err = os.Stat(folder)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	})
	t.Run("once", func(t *testing.T) {
		require.Equal(t, generated, ensureSecret(t, folder))
	})
	t.Run("a different one in another folder", func(t *testing.T) {
		require.NotEqual(t, generated, ensureSecret(t, t.TempDir()))
	})
	t.Run("and no other file", func(t *testing.T) {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, entries, 1)
	})
}

func TestEnsureSecretKeepsAConfiguredOne(t *testing.T) {
	c := config.Config{DataDir: filepath.Join(t.TempDir(), "data"), SecretKey: "given"}
	require.NoError(t, c.EnsureSecret())
	require.Equal(t, "given", c.SecretKey.Reveal())
	require.NoDirExists(t, c.DataDir)
}

func TestEnsureSecretReadsRotatedSecrets(t *testing.T) {
	newest, older, oldest := strong(t), strong(t), strong(t)
	for name, content := range map[string]string{
		"as written": newest + "\n" + older + " retired=2026-11-24T10:00:00Z\n" +
			oldest + " retired=2026-11-01T10:00:00Z\n",
		"with the line ends of an editor": newest + "\r\n" + older + " retired=2026-11-24T10:00:00Z\r\n" +
			oldest + " retired=2026-11-01T11:00:00+01:00",
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Config{DataDir: newDataDir(t, content)}
			require.NoError(t, c.EnsureSecret())
			require.Equal(t, newest, c.SecretKey.Reveal())
			require.Equal(t, []config.Secret{config.Secret(older), config.Secret(oldest)}, c.PreviousSecrets())

			all, err := config.Config{DataDir: c.DataDir}.StoredSecrets()
			require.NoError(t, err)
			require.Equal(t, time.Date(2026, time.November, 1, 10, 0, 0, 0, time.UTC), all.Previous[1].At)
		})
	}
	t.Run("in the format before rotation: one line that may have spaces", func(t *testing.T) {
		c := config.Config{DataDir: newDataDir(t, " by hand, with spaces: "+newest+"\n")}
		require.NoError(t, c.EnsureSecret())
		require.Equal(t, "by hand, with spaces: "+newest, c.SecretKey.Reveal())
		require.Empty(t, c.PreviousSecrets())
	})
}

// newDataDir returns a data_dir whose file secret_key has the given content.
func newDataDir(t *testing.T, content string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "secret_key"), []byte(content), 0o600))
	return folder
}

// Concurrent calls represent processes that share a folder.
func TestConcurrentEnsureSecretReturnsTheSameSecret(t *testing.T) {
	for range 50 {
		folder := filepath.Join(t.TempDir(), "data")
		secrets, errs := make([]config.Secret, 8), make([]error, 8)
		var all sync.WaitGroup
		for i := range secrets {
			all.Go(func() {
				c := config.Config{DataDir: folder}
				errs[i] = c.EnsureSecret()
				secrets[i] = c.SecretKey
			})
		}
		all.Wait()
		for i := range secrets {
			require.NoError(t, errs[i], "no call reads a partial secret")
			require.Equal(t, secrets[0].Reveal(), secrets[i].Reveal())
		}
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, entries, 1, "temporary files are removed")
	}
}

func TestEnsureSecretRejects(t *testing.T) {
	rejected := func(t *testing.T, c config.Config) string {
		t.Helper()
		err := c.EnsureSecret()
		require.ErrorAs(t, err, new(*config.Error))
		require.Contains(t, err.Error(), "secret_key (SECRET_KEY): ")
		require.NotContains(t, err.Error(), "\n")
		require.Empty(t, c.SecretKey)
		return err.Error()
	}
	for name, content := range map[string]string{
		"an empty file":            "",
		"a truncated secret":       "kT5z0qPwX1v8",
		"zero bytes after a crash": strings.Repeat("\x00", 65),
		"an example value":         "change-me-change-me-change-me-change-me",
	} {
		t.Run(name+", with the remedy", func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "secret_key")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			line := rejected(t, config.Config{DataDir: folder})
			require.Contains(t, line, path+" holds no usable secret; remove it")
			kept, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, content, string(kept), "only the operator removes the file")
		})
	}
	newest, older := strong(t), strong(t)
	for name, line := range map[string]string{
		"without its time":       older,
		"with an invalid time":   older + " retired=yesterday",
		"that is weak":           older[:31] + " retired=2026-11-24T10:00:00Z",
		"that is missing":        " retired=2026-11-24T10:00:00Z",
		"that is an empty line":  "",
		"that is several":        older + " " + older + " retired=2026-11-24T10:00:00Z",
		"that a crash cut short": older + " retired=2026-11-24T10",
	} {
		t.Run("a previous secret "+name+", with its line number", func(t *testing.T) {
			folder := newDataDir(t, newest+"\n"+line+"\n"+older+" retired=2026-11-24T10:00:00Z\n")
			message := rejected(t, config.Config{DataDir: folder})
			require.Contains(t, message, filepath.Join(folder, "secret_key")+" holds no usable secret")
			require.Contains(t, message, "in line 2;")
			require.NotContains(t, message, newest)
			require.NotContains(t, message, older[:31])
		})
	}
	t.Run("a file without its first line, because a previous secret would sign", func(t *testing.T) {
		require.Contains(
			t, rejected(t, config.Config{DataDir: newDataDir(t, older+" retired=2026-11-24T10:00:00Z\n")}),
			"holds no usable secret; remove it",
		)
	})
	t.Run("previous secrets in the environment beside a stored one, with the reason", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		c := config.Config{DataDir: folder, SecretKeyPrevious: config.Secret(older)}
		err := c.EnsureSecret()
		require.ErrorAs(t, err, new(*config.Error))
		require.ErrorContains(
			t, err, "secret_key_previous (SECRET_KEY_PREVIOUS): is set without secret_key (SECRET_KEY): data_dir",
		)
		require.NotContains(t, err.Error(), older)
		require.NoDirExists(t, folder)
		_, err = c.StoredSecrets()
		require.ErrorContains(t, err, "is set without secret_key")
	})
	t.Run("a data_dir that is a file, by its variable", func(t *testing.T) {
		require.Contains(t, rejected(t, config.Config{DataDir: file(t, "x")}), "(DATA_DIR)")
	})
	t.Run("a missing secret with PostgreSQL, where all instances need the same", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		line := rejected(t, config.Config{DataDir: folder, DatabaseURL: "postgres://u:hunter2@h/x"})
		require.Contains(t, line, "is required")
		require.NotContains(t, line, "hunter2")
		require.NoDirExists(t, folder)
	})
	t.Run("a missing secret in production", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		require.Contains(t, rejected(t, config.Config{DataDir: folder, AppEnv: config.Production}), "is required")
		require.NoDirExists(t, folder)
	})
}
