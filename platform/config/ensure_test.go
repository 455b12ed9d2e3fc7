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

func TestEnsureSecretReadsWhatWasRotated(t *testing.T) {
	newest, older, oldest := strong(t), strong(t), strong(t)
	for name, content := range map[string]string{
		"as it is written":                newest + "\n" + older + " retired=2026-11-24T10:00:00Z\n" + oldest + " retired=2026-11-01T10:00:00Z\n",
		"with the line ends of an editor": newest + "\r\n" + older + " retired=2026-11-24T10:00:00Z\r\n" + oldest + " retired=2026-11-01T11:00:00+01:00",
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Config{DataDir: kept(t, content)}
			require.NoError(t, c.EnsureSecret())
			require.Equal(t, newest, c.SecretKey.Reveal())
			require.Equal(t, []config.Secret{config.Secret(older), config.Secret(oldest)}, c.PreviousSecrets())

			all, err := config.Config{DataDir: c.DataDir}.StoredSecrets()
			require.NoError(t, err)
			require.Equal(t, time.Date(2026, time.November, 1, 10, 0, 0, 0, time.UTC), all.Previous[1].At)
		})
	}
	t.Run("as releases before rotation wrote it: one line, spaces and all", func(t *testing.T) {
		c := config.Config{DataDir: kept(t, " by hand, with spaces: "+newest+"\n")}
		require.NoError(t, c.EnsureSecret())
		require.Equal(t, "by hand, with spaces: "+newest, c.SecretKey.Reveal())
		require.Empty(t, c.PreviousSecrets())
	})
}

// kept is a data_dir whose secret_key holds content.
func kept(t *testing.T, content string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "secret_key"), []byte(content), 0o600))
	return folder
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
	newest, older := strong(t), strong(t)
	for name, line := range map[string]string{
		"without its time":       older,
		"whose time is no time":  older + " retired=yesterday",
		"that is weak":           older[:31] + " retired=2026-11-24T10:00:00Z",
		"that is missing":        " retired=2026-11-24T10:00:00Z",
		"that is an empty line":  "",
		"that is several":        older + " " + older + " retired=2026-11-24T10:00:00Z",
		"that a crash cut short": older + " retired=2026-11-24T10",
	} {
		t.Run("a previous secret "+name+", by its line", func(t *testing.T) {
			folder := kept(t, newest+"\n"+line+"\n"+older+" retired=2026-11-24T10:00:00Z\n")
			said := refusal(t, config.Config{DataDir: folder})
			require.Contains(t, said, filepath.Join(folder, "secret_key")+" holds no usable secret")
			require.Contains(t, said, "in line 2;")
			require.NotContains(t, said, newest)
			require.NotContains(t, said, older[:31])
		})
	}
	t.Run("a file that lost its first line, since a previous secret would sign", func(t *testing.T) {
		require.Contains(t, refusal(t, config.Config{DataDir: kept(t, older+" retired=2026-11-24T10:00:00Z\n")}), "holds no usable secret; remove it")
	})
	t.Run("previous secrets of the environment beside a kept one, and says why", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		c := config.Config{DataDir: folder, SecretKeyPrevious: config.Secret(older)}
		err := c.EnsureSecret()
		require.ErrorAs(t, err, new(*config.Error))
		require.ErrorContains(t, err, "secret_key_previous (SECRET_KEY_PREVIOUS): is set without secret_key (SECRET_KEY): data_dir")
		require.NotContains(t, err.Error(), older)
		require.NoDirExists(t, folder)
		_, err = c.StoredSecrets()
		require.ErrorContains(t, err, "is set without secret_key")
	})
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
