package checkup

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDisk(t *testing.T) {
	for free, state := range map[uint64]State{
		0: Fail, noSpace - 1: Fail, noSpace: Warn, littleSpace - 1: Warn, littleSpace: OK, 1 << 50: OK,
	} {
		require.Equal(t, state, findingOf(free, "x").State, "%d", free)
	}
	t.Run("reads the parent of a folder that does not exist yet", func(t *testing.T) {
		folder := t.TempDir()
		require.Contains(t, Disk(filepath.Join(folder, "a", "b")).Text, "MiB free in ")
		require.NoDirExists(t, filepath.Join(folder, "a"))
	})
}

func TestFindingIsOneLine(t *testing.T) {
	require.Equal(t, Finding{Warn, "store", "two lines"}, NewFinding(Warn, "store", "%s", "two\n\tlines"))
}
