package config_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 123_456_000, time.UTC)

// rotating is the configuration of a data_dir that has a secret, which it returns.
func rotating(t *testing.T) (config.Config, config.Secret) {
	t.Helper()
	c := config.Config{DataDir: t.TempDir(), SessionLifetime: 30 * 24 * time.Hour}
	first := c
	require.NoError(t, first.EnsureSecret())
	return c, first.SecretKey
}

func rotated(t *testing.T, c config.Config, now time.Time, dropAll bool) config.Rotation {
	t.Helper()
	done, err := c.RotateSecret(now, dropAll)
	require.NoError(t, err)
	read, err := c.KeptSecrets()
	require.NoError(t, err)
	require.Equal(t, done.Kept, read, "what it says is what the next start reads")
	return done
}

func TestRotateSecret(t *testing.T) {
	t.Run("makes a new secret and keeps the former, so that the next start has both", func(t *testing.T) {
		c, first := rotating(t)
		done := rotated(t, c, noon, false)
		require.NotEqual(t, first, done.Kept.Newest)
		require.Equal(t, []config.Retired{{Secret: first, At: noon.Truncate(time.Second)}}, done.Kept.Previous)
		require.Empty(t, done.Dropped)
		require.NoError(t, c.EnsureSecret())
		require.Equal(t, done.Kept.Newest, c.SecretKey)
		require.Equal(t, []config.Secret{first}, c.PreviousSecrets())
		load(t, "SECRET_KEY", c.SecretKey.Reveal(), "SECRET_KEY_PREVIOUS", c.SecretKeyPrevious.Reveal()) // both pass for strong
	})
	t.Run("leaves one file, which nobody else may read", func(t *testing.T) {
		c, _ := rotating(t)
		rotated(t, c, noon, false)
		entries, err := os.ReadDir(c.DataDir)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		info, err := entries[0].Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	})
	t.Run("keeps several, newest first, and drops who was retired longer ago than a session lives", func(t *testing.T) {
		c, first := rotating(t)
		second := rotated(t, c, noon, false).Kept.Newest
		third := rotated(t, c, noon.Add(24*time.Hour), false).Kept.Newest
		atTheLimit := rotated(t, c, noon.Truncate(time.Second).Add(c.SessionLifetime), false)
		require.Equal(t, []config.Secret{third, second, first}, secrets(atTheLimit.Kept.Previous))
		after := rotated(t, c, noon.Add(c.SessionLifetime+time.Second), false)
		require.Equal(t, []config.Secret{atTheLimit.Kept.Newest, third, second}, secrets(after.Kept.Previous))
		require.Equal(t, []config.Secret{first}, secrets(after.Dropped))
	})
	t.Run("keeps none when told so", func(t *testing.T) {
		c, first := rotating(t)
		second := rotated(t, c, noon, false).Kept.Newest
		done := rotated(t, c, noon.Add(time.Hour), true)
		require.Empty(t, done.Kept.Previous)
		require.Equal(t, []config.Secret{second, first}, secrets(done.Dropped))
	})
}

func secrets(all []config.Retired) (list []config.Secret) {
	for _, r := range all {
		list = append(list, r.Secret)
	}
	return list
}

// Many rotations at once stand for many processes: all that they share is the folder. Starts read it meanwhile.
func TestRotateSecretAtOnce(t *testing.T) {
	for range 20 {
		c, first := rotating(t)
		done, errs, starts := make([]config.Rotation, 8), make([]error, 8), make([]error, 8)
		var all sync.WaitGroup
		for i := range done {
			all.Go(func() { done[i], errs[i] = c.RotateSecret(noon, false) })
			all.Go(func() {
				starting := c
				starts[i] = starting.EnsureSecret()
			})
		}
		all.Wait()
		want := map[config.Secret]bool{first: true}
		for i := range done {
			require.NoError(t, starts[i], "nobody reads half a file")
			if errs[i] != nil {
				require.ErrorContains(t, errs[i], "another rotation is under way")
				continue
			}
			want[done[i].Kept.Newest] = true
		}
		require.Greater(t, len(want), 1, "one of them is the first")
		kept, err := c.KeptSecrets()
		require.NoError(t, err)
		got := map[config.Secret]bool{kept.Newest: true}
		for _, secret := range secrets(kept.Previous) {
			got[secret] = true
		}
		require.Equal(t, want, got, "no secret that was the newest once is lost")
		entries, err := os.ReadDir(c.DataDir)
		require.NoError(t, err)
		require.Len(t, entries, 1)
	}
}

func TestRotateSecretRefuses(t *testing.T) {
	refusal := func(t *testing.T, c config.Config) string {
		t.Helper()
		before, _ := os.ReadFile(filepath.Join(c.DataDir, "secret_key"))
		_, err := c.RotateSecret(noon, false)
		require.ErrorAs(t, err, new(*config.Error))
		require.ErrorContains(t, err, "data_dir (DATA_DIR): ")
		require.NotContains(t, err.Error(), "\n")
		after, _ := os.ReadFile(filepath.Join(c.DataDir, "secret_key"))
		require.Equal(t, string(before), string(after), "the file is as it was")
		return err.Error()
	}
	t.Run("to make the first secret, which may be in another folder", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		_, err := config.Config{DataDir: folder}.RotateSecret(noon, false)
		require.ErrorContains(t, err, "no secret_key at "+filepath.Join(folder, "secret_key"))
		require.NoDirExists(t, folder)
	})
	t.Run("a file that holds no secret", func(t *testing.T) {
		folder := kept(t, "kT5z0qPwX1v8")
		said := refusal(t, config.Config{DataDir: folder})
		require.Contains(t, said, filepath.Join(folder, "secret_key")+" holds no usable secret")
		require.NotContains(t, said, "kT5z0qPwX1v8")
	})
	t.Run("while another rotation is under way, and says what to do when none is", func(t *testing.T) {
		c, _ := rotating(t)
		left := filepath.Join(c.DataDir, "secret_key.new")
		require.NoError(t, os.WriteFile(left, nil, 0o600))
		require.Contains(t, refusal(t, c), "another rotation is under way; if none is, remove "+left)
		require.FileExists(t, left, "it is the other's")
	})
	t.Run("to keep a secret that no list can hold, unless it may go", func(t *testing.T) {
		byHand := "by hand, with spaces: " + strong(t)
		c := config.Config{DataDir: kept(t, byHand)}
		said := refusal(t, c)
		require.Contains(t, said, "--drop-previous")
		require.NotContains(t, said, byHand)
		require.NoFileExists(t, filepath.Join(c.DataDir, "secret_key.new"))
		require.Equal(t, []config.Secret{config.Secret(byHand)}, secrets(rotated(t, c, noon, true).Dropped))
	})
}
