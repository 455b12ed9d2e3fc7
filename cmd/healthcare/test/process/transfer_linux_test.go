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

// TestCopyOfManyRows checks that an interrupted or killed copy leaves an empty target, and that memory does not grow
// with the rows. MOVE_ROWS sets the number of patients: the limit is the same for 20,000 and for a million.
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

	for _, signal := range []os.Signal{os.Interrupt, os.Kill} {
		r := p.Start(command...)
		active := "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() " +
			"AND state <> 'idle' AND query ILIKE 'copy \"patients\"%'"
		for end := time.Now().Add(harness.Timeout); countRows(t, to, active) == 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		r.Signal(signal)
		if o := r.Wait(); signal == os.Interrupt {
			o.ExpectFailure(1, "nothing was copied: the copy was interrupted")
		}
		require.Zero(t, countRows(t, to, "SELECT count(*) FROM patients"))
	}

	r := p.Start(command...)
	limit := harness.Timeout + time.Duration(rows)*time.Millisecond
	peak := peakMemory(r, limit)
	o := r.Wait()
	require.Equal(t, 0, o.ExitCode, o.Stderr)
	require.EqualValues(t, rows, countRows(t, to, "SELECT count(*) FROM patients"))
	t.Logf("%d rows: %d KiB peak resident memory, %s", rows, peak, o.Duration.Round(time.Millisecond))
	require.Less(t, peak, 96<<10, "KiB")
	backup := filepath.Join(p.Folder, "backup.db")
	r = p.With("DATABASE_URL=", "DATA_DIR="+filepath.Dir(lite.Path)).Start("backup", "--to", backup)
	peak = peakMemory(r, limit)
	o = r.Wait()
	require.Equal(t, 0, o.ExitCode, o.Stderr)
	t.Logf("backup: %d KiB peak resident memory, %s", peak, o.Duration.Round(time.Millisecond))
	require.Less(t, peak, 96<<10, "KiB")
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// peakMemory waits for the program's end and returns its peak resident memory in KiB. ru_maxrss of wait4 would include
// the parent's.
func peakMemory(r *harness.Process, limit time.Duration) (peak int) {
	r.T.Helper()
	for end := time.Now().Add(limit); ; {
		select {
		case <-r.Done:
			require.Positive(r.T, peak)
			return peak
		case <-time.After(2 * time.Millisecond):
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.Cmd.Process.Pid)) // missing if it has just ended
		if match := highWater.FindSubmatch(status); match != nil {
			peak, _ = strconv.Atoi(string(match[1]))
		}
		if time.Now().After(end) {
			r.T.Fatalf("the program still runs after %s", limit)
		}
	}
}
