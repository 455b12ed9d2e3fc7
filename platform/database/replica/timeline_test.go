package replica

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database/internal/postgres"
	"healthcare/platform/databasetest/cluster"
)

// A promoted server writes to its new timeline at once. Its control file names the former timeline until a checkpoint
// has ended, which may take minutes.
func TestTimelineOfAPromotedPrimary(t *testing.T) {
	t.Parallel()
	own, err := cluster.Own()
	if err != nil && strings.Contains(err.Error(), cluster.ErrNotInstalled.Error()) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(own.Close)
	replica, err := own.Replica()
	require.NoError(t, err)
	t.Cleanup(replica.Close)
	open := func(s *cluster.Server) *sql.DB {
		pool, err := postgres.OpenPool(postgres.Config{URL: s.URL()})
		require.NoError(t, err)
		t.Cleanup(func() { _ = pool.Close() })
		return pool
	}
	primary, standby := open(own), open(replica)
	// These pages are dirty on the standby, too, so that the checkpoint after its promotion takes some time.
	_, err = primary.ExecContext(t.Context(),
		`CREATE TABLE filler AS SELECT repeat(md5(n::text), 30) FROM generate_series(1, 20000) n`)
	require.NoError(t, err)
	before, err := positionOf(t.Context(), primary)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(before.log, "/1"), before.log)
	require.Eventually(t, func() bool {
		here, err := positionOf(t.Context(), standby)
		return err == nil && here.replica && here.log == before.log && here.bytes >= before.bytes
	}, 30*time.Second, 10*time.Millisecond, "the standby is on the primary's timeline")

	_, err = standby.ExecContext(t.Context(), `SELECT pg_promote(true, 20)`)
	require.NoError(t, err)
	var named int
	asked := standby.QueryRowContext(t.Context(), `SELECT timeline_id FROM pg_control_checkpoint()`)
	require.NoError(t, asked.Scan(&named))
	require.Equal(t, 1, named, "the control file has the former timeline, otherwise this test proves nothing")
	promoted, err := positionOf(t.Context(), standby)
	require.NoError(t, err)
	require.False(t, promoted.replica)
	require.True(t, strings.HasSuffix(promoted.log, "/2"), promoted.log)
}
