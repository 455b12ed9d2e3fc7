package keyfile_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/keyfile"
)

const lifetime = 30 * 24 * time.Hour

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 123_456_000, time.UTC)

// newFile returns the path of a file that holds a new secret, and the secret.
func newFile(t *testing.T) (path string, first keyfile.Secret) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secret_key")
	secrets, err := keyfile.Ensure(path)
	require.NoError(t, err)
	require.Empty(t, secrets.Previous)
	return path, secrets.Newest
}

// newFileOf returns the path of a file with the given content.
func newFileOf(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret_key")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func rotate(t *testing.T, path string, now time.Time, dropAll bool) keyfile.Rotation {
	t.Helper()
	rotation, err := keyfile.Rotate(path, now, lifetime, dropAll)
	require.NoError(t, err)
	read, err := keyfile.Read(path)
	require.NoError(t, err)
	require.Equal(t, rotation.Secrets, read, "the next start reads what Rotate returned")
	return rotation
}

func secretsOf(all []keyfile.Retired) (list []keyfile.Secret) {
	for _, r := range all {
		list = append(list, r.Secret)
	}
	return list
}

func TestRotate(t *testing.T) {
	t.Run("makes a new secret and keeps the former one", func(t *testing.T) {
		path, first := newFile(t)
		rotation := rotate(t, path, noon, false)
		require.NotEqual(t, first, rotation.Secrets.Newest)
		require.NoError(t, rotation.Secrets.Newest.Check())
		require.Equal(t, []keyfile.Retired{{Secret: first, At: noon.Truncate(time.Second)}}, rotation.Secrets.Previous)
		require.Empty(t, rotation.Dropped)
		require.Equal(t, []keyfile.Secret{first}, keyfile.Split(rotation.Secrets.List()))
	})
	t.Run("leaves one file, with mode 0600", func(t *testing.T) {
		path, _ := newFile(t)
		rotate(t, path, noon, false)
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 1)
		info, err := entries[0].Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	})
	t.Run("keeps several, newest first, and drops those retired for longer than the lifetime", func(t *testing.T) {
		path, first := newFile(t)
		second := rotate(t, path, noon, false).Secrets.Newest
		third := rotate(t, path, noon.Add(24*time.Hour), false).Secrets.Newest
		atTheLimit := rotate(t, path, noon.Truncate(time.Second).Add(lifetime), false)
		require.Equal(t, []keyfile.Secret{third, second, first}, secretsOf(atTheLimit.Secrets.Previous))
		after := rotate(t, path, noon.Add(lifetime+time.Second), false)
		require.Equal(t, []keyfile.Secret{atTheLimit.Secrets.Newest, third, second}, secretsOf(after.Secrets.Previous))
		require.Equal(t, []keyfile.Secret{first}, secretsOf(after.Dropped))
	})
	t.Run("keeps none with dropAll", func(t *testing.T) {
		path, first := newFile(t)
		second := rotate(t, path, noon, false).Secrets.Newest
		rotation := rotate(t, path, noon.Add(time.Hour), true)
		require.Empty(t, rotation.Secrets.Previous)
		require.Equal(t, []keyfile.Secret{second, first}, secretsOf(rotation.Dropped))
	})
}

// Concurrent rotations represent processes, which share only the folder. Meanwhile, other processes start and read the
// file.
func TestConcurrentRotations(t *testing.T) {
	for range 20 {
		path, first := newFile(t)
		rotations, errs, starts := make([]keyfile.Rotation, 8), make([]error, 8), make([]error, 8)
		var all sync.WaitGroup
		for i := range rotations {
			all.Go(func() { rotations[i], errs[i] = keyfile.Rotate(path, noon, lifetime, false) })
			all.Go(func() { _, starts[i] = keyfile.Ensure(path) })
		}
		all.Wait()
		want := map[keyfile.Secret]bool{first: true}
		for i := range rotations {
			require.NoError(t, starts[i], "no start reads half a file")
			if errs[i] != nil {
				require.ErrorContains(t, errs[i], "another rotation is under way")
				continue
			}
			want[rotations[i].Secrets.Newest] = true
		}
		require.Greater(t, len(want), 1, "at least one rotation succeeds")
		secrets, err := keyfile.Read(path)
		require.NoError(t, err)
		got := map[keyfile.Secret]bool{secrets.Newest: true}
		for _, secret := range secretsOf(secrets.Previous) {
			got[secret] = true
		}
		require.Equal(t, want, got, "no secret that was once the newest is lost")
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 1)
	}
}

func TestRotateRejects(t *testing.T) {
	rejection := func(t *testing.T, path string) string {
		t.Helper()
		before, _ := os.ReadFile(path)
		_, err := keyfile.Rotate(path, noon, lifetime, false)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "\n")
		after, _ := os.ReadFile(path)
		require.Equal(t, string(before), string(after), "the file is unchanged")
		return err.Error()
	}
	t.Run("a file that does not exist, without creating its folder", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		_, err := keyfile.Rotate(filepath.Join(folder, "secret_key"), noon, lifetime, false)
		require.ErrorIs(t, err, os.ErrNotExist)
		require.NoDirExists(t, folder)
	})
	t.Run("a file that holds no secret", func(t *testing.T) {
		path := newFileOf(t, "kT5z0qPwX1v8")
		text := rejection(t, path)
		require.Contains(t, text, path+" holds no usable secret")
		require.NotContains(t, text, "kT5z0qPwX1v8")
	})
	t.Run("a concurrent rotation, and names the file to remove after a crash", func(t *testing.T) {
		path, _ := newFile(t)
		require.NoError(t, os.WriteFile(path+".new", nil, 0o600))
		require.Contains(t, rejection(t, path), "another rotation is under way; if none is, remove "+path+".new")
		require.FileExists(t, path+".new", "the file belongs to the other rotation")
	})
	t.Run("a secret that no list can hold, unless it is dropped", func(t *testing.T) {
		byHand := "by hand, with spaces: kT5z0qPwX1v8aY7mN2bV4cR9"
		path := newFileOf(t, byHand)
		text := rejection(t, path)
		require.Contains(t, text, "--drop-previous")
		require.NotContains(t, text, byHand)
		require.NoFileExists(t, path+".new")
		require.Equal(t, []keyfile.Secret{keyfile.Secret(byHand)}, secretsOf(rotate(t, path, noon, true).Dropped))
	})
}
