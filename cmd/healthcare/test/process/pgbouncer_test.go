//go:build linux

package process

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// bouncerINI is the configuration of POSTGRESQL.md for PgBouncer, with so few connections that two requests share one.
// Test servers run with synchronous_commit=off, which is corrected here.
const bouncerINI = `[databases]
%[1]s = host=%[2]s port=5432 dbname=%[1]s user=app ` +
	`connect_query='SET statement_timeout = 2000; SET lock_timeout = 1000; ` +
	`SET idle_in_transaction_session_timeout = 1000; SET synchronous_commit = on'
[pgbouncer]
pool_mode = transaction
default_pool_size = 3
ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout
auth_type = any
listen_port = 6432
unix_socket_dir = %[3]s
`

// startPgBouncer starts PgBouncer in front of the database and returns the database's address there.
func startPgBouncer(t *testing.T, direct string) string {
	program, err := exec.LookPath("pgbouncer")
	if err != nil && os.Getenv("REQUIRE_PGBOUNCER") != "1" {
		t.Skip(
			"pgbouncer is not installed: set REQUIRE_PGBOUNCER=1 to fail instead")
	}
	require.NoError(t, err)
	address, err := url.Parse(direct)
	require.NoError(t, err)
	server, name := address.Query().Get("host"), strings.TrimPrefix(address.Path, "/")
	//nolint:usetesting // a socket's path must be short, and the server's user cannot enter t.TempDir
	folder, err := os.MkdirTemp("/tmp", "hc-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	ini := filepath.Join(folder, "pgbouncer.ini")
	require.NoError(t, os.WriteFile(ini, fmt.Appendf(nil, bouncerINI, name, server, folder), 0o644))

	// ends when the test process ends, even if it is killed
	cmd := exec.Command("/bin/sh", "-c", `"$@" & read -r _; kill $!; wait`, "pgbouncer", program, ini)
	lifeline, err := cmd.StdinPipe()
	require.NoError(t, err)
	if os.Geteuid() == 0 { // PgBouncer does not run as root; the server's user can use its socket
		info, err := os.Stat(server)
		require.NoError(t, err)
		owner := info.Sys().(*syscall.Stat_t)
		require.NoError(t, os.Chown(folder, int(owner.Uid), int(owner.Gid)))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	var output harness.Output
	cmd.Stderr = &output
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = lifeline.Close()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("unix", filepath.Join(folder, ".s.PGSQL.6432"))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, harness.Timeout, 10*time.Millisecond, "%s", &output)
	return "postgres://app@/" + name + "?" + url.Values{"host": {folder}, "port": {"6432"}, "sslmode": {"disable"},
		"default_query_exec_mode": {"cache_describe"}}.Encode()
}

func TestPgBouncer(t *testing.T) {
	t.Parallel()
	direct := databasetest.OwnPostgres(t).URL()
	through := startPgBouncer(t, direct)
	p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_URL="+through,
		"DATABASE_MIGRATE_ON_START=false", "DATABASE_POOL_SIZE=8")
	p.Run().ExpectFailure(harness.ExitConfig, "is pending: run `healthcare migrate up` first")
	p.With("DATABASE_URL="+direct).Run("migrate", "up").ExpectSuccess()

	// commands connect directly: a canceled statement crashes PgBouncer 1.18
	s := &instances{t: t, env: p.With("DATABASE_URL=" + direct)}
	for i := range s.instances {
		s.instances[i] = p.With("DATA_DIR=" + t.TempDir()).Start()
	}
	for i, instance := range s.instances {
		s.clients[i] = harness.NewHTTPClient(t, instance.WaitReady())
	}
	t.Cleanup(func() { // the log of an instance shows the cause of a failure
		for _, instance := range s.instances {
			for line := range strings.Lines(instance.Stderr.String()) {
				if t.Failed() && strings.Contains(line, `"level":"error"`) {
					t.Log(line)
				}
			}
		}
	})
	s.clients[0].Call("POST", "/api/auth/register/", harness.AshaAccount, 201)
	signedIn := s.clients[1].Call("POST", "/api/auth/login/", harness.AshaLogin, 200)
	s.as(signedIn["access"].(string))
	for range 20 { // until each instance has used all three connections
		require.Equal(t, map[int]int{200: 24},
			counts(s.atOnce(24, "GET", "/api/patients/?search=verma&age_min=1", nil)))
	}
	s.forTest(t).testRefresh(signedIn["refresh"].(string))
	s.forTest(t).testRepeats()
	s.forTest(t).testRaces()
	s.forTest(t).testGuesses()
	s.forTest(t).testEndedSession()
	require.Equal(t, 0, s.env.Run("audit", "verify").ExitCode)
	testLocks(t, through)

	conn, err := pgx.Connect(t.Context(), through)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var timeout string
	require.NoError(t, conn.QueryRow(t.Context(), `SHOW statement_timeout`).Scan(&timeout))
	require.Equal(t, "2s", timeout, "connect_query sets the limits that PgBouncer does not pass on")
}

// testLocks checks that more transactions than PgBouncer has connections exclude each other with overlapping locks.
func testLocks(t *testing.T, through string) {
	db, err := database.Open(database.Config{
		URL: through, PoolSize: 8, ConnectTimeout: harness.Timeout, AcquireTimeout: harness.Timeout,
		StatementTimeout: 2 * time.Second, LockTimeout: time.Second, IdleInTxTimeout: time.Second,
	}, zap.NewNop())
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.NoError(t, db.Connect(t.Context()))
	const workers, rounds = 8, 10
	var inside, overlaps, runs atomic.Int32
	var all sync.WaitGroup
	failed := make(chan error, workers*rounds)
	for i := range workers {
		names := []string{"shared", fmt.Sprint("own ", i), fmt.Sprint("own ", (i+1)%workers)}
		all.Go(func() {
			for range rounds {
				failed <- db.Do(t.Context(), func(ctx context.Context) error {
					runs.Add(1)
					if err := db.Lock(ctx, names...); err != nil {
						return err
					}
					if inside.Add(1) > 1 {
						overlaps.Add(1)
					}
					inside.Add(-1)
					return nil
				})
			}
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		require.NoError(t, err)
	}
	require.Zero(t, overlaps.Load())
	require.EqualValues(t, workers*rounds, runs.Load(), "no transaction was repeated")
}

// TestPgBouncerRejectsUnsupportedSettings checks that the service does not start if a pooler's sessions have
// unsupported settings of the database or the role. Without a pooler it sets its own.
func TestPgBouncerRejectsUnsupportedSettings(t *testing.T) {
	t.Parallel()
	direct := databasetest.OwnPostgres(t).URL()
	through := startPgBouncer(t, direct)
	p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_MIGRATE_ON_START=false")
	own, pooled := p.With("DATABASE_URL="+direct), p.With("DATABASE_URL="+through)
	own.Run("migrate", "up").ExpectSuccess()
	admin, err := pgx.Connect(t.Context(), direct+"&default_transaction_read_only=off")
	require.NoError(t, err)
	defer func() { _ = admin.Close(context.Background()) }()
	exec := func(statement string) {
		t.Helper()
		_, err := admin.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	for setting, value := range map[string]string{
		"default_transaction_isolation": "repeatable read", "default_transaction_read_only": "on",
		"gin_fuzzy_search_limit": "5", "bytea_output": "escape",
	} {
		exec("ALTER DATABASE postgres SET " + setting + " = '" + value + "'")
		exec(
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() " +
				"AND backend_type = 'client backend'")
		pooled.Run().ExpectFailure(harness.ExitConfig, setting+" is "+value, "add SET "+setting+" = '",
			"to its connect_query")
		requireCheck(t, doctor(pooled, 1), "fail", "store", setting)
		own.Run("user", "list").ExpectSuccess()
		exec("ALTER DATABASE postgres RESET " + setting)
	}
	exec(
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() " +
			"AND backend_type = 'client backend'")
	require.Eventually(t, func() bool { return pooled.Run("user", "list").ExitCode == 0 }, harness.Timeout,
		10*time.Millisecond)
}
