package checkpoints_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/modules/audit"
	"healthcare/modules/audit/internal/adapters/checkpoints"
)

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "checkpoints.jsonl")
	file := checkpoints.New(audit.Config{Checkpoints: path}, zap.NewNop())
	content := func() string {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(text)
	}
	t.Run("is empty until the first line", func(t *testing.T) {
		opened, err := file.Open("")
		require.NoError(t, err)
		text, err := io.ReadAll(opened)
		require.NoError(t, err)
		require.Empty(t, text)
	})
	t.Run("has lines of mode 0600", func(t *testing.T) {
		require.NoError(t, file.Append([]byte("one")))
		require.NoError(t, file.Append([]byte("two")))
		require.Equal(t, "one\ntwo\n", content())
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	})
	t.Run("begins a line after a torn one", func(t *testing.T) {
		require.NoError(t, os.WriteFile(path, []byte("one\ntw"), 0o600))
		require.NoError(t, file.Append([]byte("three")))
		require.Equal(t, "one\ntw\nthree\n", content())
	})
	t.Run("is replaced, with lines that were appended meanwhile", func(t *testing.T) {
		size := int64(len(content()))
		require.NoError(t, file.Append([]byte("four")))
		require.NoError(t, file.Replace([][]byte{[]byte("kept")}, size))
		require.Equal(t, "kept\nfour\n", content())
		files, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, files, 1)
	})
	t.Run("is read as it was at the time of opening", func(t *testing.T) {
		opened, err := file.Open("")
		require.NoError(t, err)
		require.NoError(t, file.Append([]byte("five")))
		text, err := io.ReadAll(opened)
		require.NoError(t, err)
		require.NoError(t, opened.Close())
		require.Equal(t, "kept\nfour\n", string(text))
	})
}
