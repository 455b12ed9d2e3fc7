package transfer_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database/transfer"
)

func TestBackupCanBeCopiedAndStaysUnchanged(t *testing.T) {
	e := newCopyEnv(t)
	file := filepath.Join(t.TempDir(), "what?.db")
	saved, err := transfer.Backup(t.Context(), e.config.From, file, ignoreProgress)
	require.NoError(t, err)
	require.Equal(t, file, saved.Path)
	require.Equal(t, len(tables), saved.Tables)
	require.EqualValues(t, 85, saved.Rows)
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	require.EqualValues(t, len(before), saved.Bytes)
	e.config.From = file
	e.copy()
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)
	requireFiles(t, filepath.Dir(file), filepath.Base(file))
}

func ignoreProgress(string, int64, int64) {}

// requireFiles asserts that a folder contains exactly the named files.
func requireFiles(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	found := []string{}
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	require.ElementsMatch(t, names, found)
}

func TestFailedBackupLeavesNoFile(t *testing.T) {
	e := newCopyEnv(t)
	folder := t.TempDir()
	_, err := transfer.Backup(t.Context(), e.config.From, filepath.Join(folder, "complete.db"), ignoreProgress)
	require.NoError(t, err)
	t.Run("after an interrupt", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := transfer.Backup(ctx, e.config.From, filepath.Join(folder, "interrupted.db"), ignoreProgress)
		require.EqualError(t, err, "interrupted: no backup was written")
		requireFiles(t, folder, "complete.db")
	})
	t.Run("nor a folder that did not exist", func(t *testing.T) {
		missing := filepath.Join(folder, "mistyped")
		_, err := transfer.Backup(t.Context(), e.config.From, filepath.Join(missing, "copy.db"), ignoreProgress)
		require.EqualError(t, err, "the folder "+missing+" does not exist: create it, or choose another file")
		requireFiles(t, folder, "complete.db")
	})
	t.Run("if the source is corrupt", func(t *testing.T) {
		corrupt, to := filepath.Join(t.TempDir(), "corrupt.db"), filepath.Join(t.TempDir(), "copy.db")
		content, err := os.ReadFile(filepath.Join(folder, "complete.db"))
		require.NoError(t, err)
		for i := len(content) / 4; i < len(content)/2; i++ {
			content[i] ^= 0x5a
		}
		require.NoError(t, os.WriteFile(corrupt, content, 0o600))
		_, err = transfer.Backup(t.Context(), corrupt, to, ignoreProgress)
		require.Error(t, err)
		require.NotContains(t, err.Error(), secret)
		requireFiles(t, filepath.Dir(to))
	})
}
