package transfer_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database/transfer"
)

func TestBackupIsASourceThatACopyLeavesAsItIs(t *testing.T) {
	h := newCopyEnv(t)
	file := filepath.Join(t.TempDir(), "new", "what?.db")
	saved, err := transfer.Backup(t.Context(), h.move.From, file, silent)
	require.NoError(t, err)
	require.Equal(t, file, saved.Path)
	require.Equal(t, len(tables), saved.Tables)
	require.EqualValues(t, 43, saved.Rows)
	was, err := os.ReadFile(file)
	require.NoError(t, err)
	require.EqualValues(t, len(was), saved.Bytes)
	h.move.From = file
	h.copied()
	is, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, was, is)
	alone(t, file)
}

func silent(string, int64, int64) {}

// alone is about what stands in the file's folder.
func alone(t *testing.T, files ...string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Dir(files[0]))
	require.NoError(t, err)
	require.Len(t, left, len(files))
}

func TestBackupThatFailsLeavesNoFile(t *testing.T) {
	h := newCopyEnv(t)
	folder := t.TempDir()
	_, err := transfer.Backup(t.Context(), h.move.From, filepath.Join(folder, "sound.db"), silent)
	require.NoError(t, err)
	t.Run("because it was stopped", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		_, err := transfer.Backup(ctx, h.move.From, filepath.Join(folder, "stopped.db"), silent)
		require.EqualError(t, err, "stopped before it was done: there is no backup")
		alone(t, filepath.Join(folder, "sound.db"))
	})
	t.Run("because the source is broken", func(t *testing.T) {
		broken, to := filepath.Join(t.TempDir(), "broken.db"), filepath.Join(t.TempDir(), "copy.db")
		content, err := os.ReadFile(filepath.Join(folder, "sound.db"))
		require.NoError(t, err)
		for i := len(content) / 4; i < len(content)/2; i++ {
			content[i] ^= 0x5a
		}
		require.NoError(t, os.WriteFile(broken, content, 0o600))
		_, err = transfer.Backup(t.Context(), broken, to, silent)
		require.Error(t, err)
		require.NotContains(t, err.Error(), secret)
		left, err := os.ReadDir(filepath.Dir(to))
		require.NoError(t, err)
		require.Empty(t, left)
	})
}
