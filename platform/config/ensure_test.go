package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func ensured(t *testing.T, folder string) string {
	t.Helper()
	c := config.Config{DataDir: folder}
	require.NoError(t, c.EnsureSecret())
	return c.SecretKey.Reveal()
}

func TestEnsureSecretMakesOne(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "data")
	made := ensured(t, folder)

	t.Run("that passes for strong", func(t *testing.T) {
		require.Equal(t, made, load(t, "SECRET_KEY", made).SecretKey.Reveal())
	})
	t.Run("that nobody else may read", func(t *testing.T) {
		info, err := os.Stat(filepath.Join(folder, "secret_key"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		info, err = os.Stat(folder)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	})
	t.Run("that stays", func(t *testing.T) {
		require.Equal(t, made, ensured(t, folder))
	})
	t.Run("that is another one elsewhere", func(t *testing.T) {
		require.NotEqual(t, made, ensured(t, t.TempDir()))
	})
	t.Run("and nothing else", func(t *testing.T) {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, entries, 1)
	})
}

func TestEnsureSecretKeepsAGivenOne(t *testing.T) {
	c := config.Config{DataDir: filepath.Join(t.TempDir(), "data"), SecretKey: "given"}
	require.NoError(t, c.EnsureSecret())
	require.Equal(t, "given", c.SecretKey.Reveal())
	require.NoDirExists(t, c.DataDir)
}

// Many starts at once stand for two processes on one folder: all that they share is the folder.
func TestEnsureSecretGivesRacingStartsTheSameSecret(t *testing.T) {
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
			require.NoError(t, errs[i], "nobody reads half a secret")
			require.Equal(t, secrets[0].Reveal(), secrets[i].Reveal())
		}
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, entries, 1, "the losers' files are gone")
	}
}

func TestEnsureSecretRefuses(t *testing.T) {
	refusal := func(t *testing.T, c config.Config) string {
		t.Helper()
		err := c.EnsureSecret()
		require.ErrorAs(t, err, new(*config.Error))
		require.Contains(t, err.Error(), "secret_key (SECRET_KEY): ")
		require.NotContains(t, err.Error(), "\n")
		require.Empty(t, c.SecretKey)
		return err.Error()
	}
	for name, content := range map[string]string{
		"an empty file":                  "",
		"a truncated one":                "kT5z0qPwX1v8",
		"one that a crash left as zeros": strings.Repeat("\x00", 65),
		"an example":                     "change-me-change-me-change-me-change-me",
	} {
		t.Run(name+", and says what to do", func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "secret_key")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			line := refusal(t, config.Config{DataDir: folder})
			require.Contains(t, line, path+" holds no usable secret; remove it")
			kept, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, content, string(kept), "it is the operator's to remove")
		})
	}
	t.Run("a folder that is a file, by its own name", func(t *testing.T) {
		require.Contains(t, refusal(t, config.Config{DataDir: file(t, "x")}), "(DATA_DIR)")
	})
	t.Run("to make one for PostgreSQL, where every instance needs the same", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		line := refusal(t, config.Config{DataDir: folder, DatabaseURL: "postgres://u:hunter2@h/x"})
		require.Contains(t, line, "is required")
		require.NotContains(t, line, "hunter2")
		require.NoDirExists(t, folder)
	})
	t.Run("to make one in production", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		require.Contains(t, refusal(t, config.Config{DataDir: folder, AppEnv: config.Production}), "is required")
		require.NoDirExists(t, folder)
	})
}
