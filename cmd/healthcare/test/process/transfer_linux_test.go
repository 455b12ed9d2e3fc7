package process

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/databasetest"
)

// A copy that is killed leaves an empty target; one that is let be needs no more memory for more rows. MOVE_ROWS sets
// how many patients there are: the limit is the same for 20,000 and for a million.
func TestCopyOfManyRows(t *testing.T) {
	t.Parallel()
	rows := harness.EnvNumber(t, "MOVE_ROWS", 20_000)
	lite, pg := databasetest.Both(t)
	from, to := openDatabase(t, lite), openDatabase(t, pg)
	require.NoError(
		t, from.Write(t.Context()).Exec(
			`INSERT INTO users (id, name, email, mailbox, username, password_hash, active,
			token_version, created_at, updated_at)
		VALUES ('018f4c1e-0000-7000-8000-000000000001', 'Asha', 'a@b.example', 'a@b.example', 'asha', '', 1, 0,
			'2026-11-25T00:00:00.000000Z', '2026-11-25T00:00:00.000000Z')`).Error)
	require.NoError(
		t, from.Write(t.Context()).Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO patients SELECT printf('018f4c1e-0000-7000-8001-%012x', i), '018f4c1e-0000-7000-8000-000000000001',
			'Patient ' || i, 'Other', 31, NULL, '', '', '', NULL,
		hex(zeroblob(150)), 'patient ' || i, 1, '2026-11-25T00:00:00.000000Z',
			'2026-11-25T00:00:00.000000Z' FROM n`, rows).Error)
	p := harness.NewTolerantEnv(t).With("DATABASE_URL=" + pg.URL)
	command := []string{"copy", "--from", "sqlite:" + lite.Path}

	for _, how := range []os.Signal{os.Interrupt, os.Kill} {
		r := p.Start(command...)
		begun := "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() " +
			"AND state <> 'idle' AND query ILIKE 'copy \"patients\"%'"
		for end := time.Now().Add(harness.Timeout); countRows(t, to, begun) == 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		r.Signal(how)
		if o := r.Wait(); how == os.Interrupt {
			o.ExpectFailure(1, "nothing was copied: stopped before it was done")
		}
		require.Zero(t, countRows(t, to, "SELECT count(*) FROM patients"))
	}

	r := p.Start(command...)
	limit := harness.Timeout + time.Duration(rows)*time.Millisecond
	most := mostMemory(r, limit)
	o := r.Wait()
	require.Equal(t, 0, o.ExitCode, o.Stderr)
	require.EqualValues(t, rows, countRows(t, to, "SELECT count(*) FROM patients"))
	t.Logf("%d rows: %d KiB resident at most, %s", rows, most, o.Duration.Round(time.Millisecond))
	require.Less(t, most, 96<<10, "KiB")
	backup := filepath.Join(p.Folder, "backup.db")
	r = p.With("DATABASE_URL=", "DATA_DIR="+filepath.Dir(lite.Path)).Start("backup", "--to", backup)
	most = mostMemory(r, limit)
	o = r.Wait()
	require.Equal(t, 0, o.ExitCode, o.Stderr)
	t.Logf("backup: %d KiB resident at most, %s", most, o.Duration.Round(time.Millisecond))
	require.Less(t, most, 96<<10, "KiB")
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// mostMemory is how much memory a program has had resident until it ended, in KiB. The value of wait4 (ru_maxrss)
// begins with the parent's.
func mostMemory(r *harness.Process, limit time.Duration) (most int) {
	r.T.Helper()
	for end := time.Now().Add(limit); ; {
		select {
		case <-r.Done:
			require.Positive(r.T, most)
			return most
		case <-time.After(2 * time.Millisecond):
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.Cmd.Process.Pid)) // none when it has just ended
		if said := highWater.FindSubmatch(status); said != nil {
			most, _ = strconv.Atoi(string(said[1]))
		}
		if time.Now().After(end) {
			r.T.Fatalf("it still runs after %s", limit)
		}
	}
}
