//go:build unix && !aix && !solaris

package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOwn(t *testing.T) {
	requirePostgreSQL(t)
	own, err := Own()
	require.NoError(t, err)
	held := hold(t, folderOf(t, own.URL()))
	_, err = connect(t, own.URL()).Exec(t.Context(), "CREATE TABLE kept AS SELECT 'stored' AS value")
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, own.Stop())
		require.Error(t, ping(own.URL()))
		require.NoFileExists(t, own.Socket())
		require.NoError(t, own.Start())
		require.Equal(t, "stored", query(t, connect(t, own.URL()), "SELECT value FROM kept"))
	}
	require.NoError(t, own.Stop())
	own.Close()
	require.NoDirExists(t, held.Name())
	requireEnded(t, held)
}
