package process

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// newCopy returns an environment with an embedded database, which a server creates, and the same with an empty
// PostgreSQL database as the target.
func newCopy(t *testing.T) (from, to harness.Env, pg database.Config) {
	_, pg = databasetest.Both(t)
	from = harness.NewTolerantEnv(t).With("SECRET_KEY=" + harness.SecretKey)
	from = from.With("DATA_DIR=" + filepath.Join(from.Folder, "data"))
	return from, from.With("DATABASE_URL=" + pg.URL), pg
}

// startWriting adds patients until stop. Both functions return the acknowledged ids.
func startWriting(c *harness.HTTPClient) (acknowledged func() []string, stop func() []string) {
	var ids []string
	var mu sync.Mutex
	var over atomic.Bool
	var writer sync.WaitGroup
	writer.Go(func() {
		for !over.Load() {
			status, patient, err := c.Try("POST", "/api/patients/", harness.VermaPatient)
			if err == nil && status == 201 {
				mu.Lock()
				ids = append(ids, patient["id"].(string))
				mu.Unlock()
			}
		}
	})
	acknowledged = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string{}, ids...)
	}
	return acknowledged, func() []string {
		over.Store(true)
		writer.Wait()
		return acknowledged()
	}
}

// openDatabase opens the store for a test.
func openDatabase(t *testing.T, cfg database.Config) *database.DB {
	t.Helper()
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Connect(t.Context()))
	return db
}

func countRows(t *testing.T, db *database.DB, query string) (n int64) {
	t.Helper()
	require.NoError(t, db.Read(t.Context()).Raw(query).Scan(&n).Error)
	return n
}

// readAll returns the ETag and the body of a path.
func readAll(c *harness.HTTPClient, path string) string {
	c.T.Helper()
	raw, header := read(c, path)
	return header.Get("ETag") + "\n" + raw
}

// nextPage returns the link to the next page of path.
func nextPage(c *harness.HTTPClient, path string) string {
	c.T.Helper()
	_, header := read(c, path)
	link := header.Get("Link")
	require.Contains(c.T, link, "cursor=")
	return strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
}

func read(c *harness.HTTPClient, path string) (string, http.Header) {
	c.T.Helper()
	request, err := http.NewRequest(http.MethodGet, c.URL+path, nil)
	require.NoError(c.T, err)
	request.Header.Set("Authorization", "Bearer "+c.Token)
	response, err := c.HTTP.Do(request)
	require.NoError(c.T, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(c.T, err)
	require.Equal(c.T, 200, response.StatusCode, "%s: %s", path, raw)
	return string(raw), response.Header
}

// withoutProgress removes the lines that show the progress of a copy or backup of more than ten seconds.
func withoutProgress(o harness.Result) harness.Result {
	o.Stderr = regexp.MustCompile(`(?m)^.+ \d+ of \d+\n`).ReplaceAllString(o.Stderr, "")
	return o
}

// TestCopyToPostgres moves a service: a copy fails while a server writes, a rehearsal succeeds, and after the final
// copy clients continue with their tokens, links and ETags.
func TestCopyToPostgres(t *testing.T) {
	t.Parallel()
	from, to, pg := newCopy(t)
	server := from.Start()
	c := harness.NewHTTPClient(t, server.WaitReady())
	c.SignUp()
	session := c.Call("POST", "/api/auth/login/", harness.AshaLogin, 200)
	doctor := c.Call("POST", "/api/doctors/",
		object{"name": "Dr. Khanna", "specialization": "Dermatology", "experience": 9}, 201)["id"]
	known := c.AddPatient()
	c.Call("PATCH", "/api/patients/"+known+"/", object{"birth_date": "1990-02-28", "notes": "李 é 🏥\n"}, 200)
	c.Call("POST", "/api/mappings/", object{"patient": known, "doctor": doctor}, 201)

	acknowledged, stop := startWriting(c)
	require.Eventually(t, func() bool { return len(acknowledged()) > 0 }, harness.Timeout, time.Millisecond)
	failed := withoutProgress(to.Run("copy"))
	failed.ExpectFailure(1, "nothing was copied", "a server is writing to the source")
	require.NotContains(t, failed.Stderr, pg.URL)
	before := acknowledged()
	rehearsed := withoutProgress(to.Run("copy", "--snapshot")).ExpectSuccess()
	require.Contains(t, rehearsed, "later writes are not in the copy")
	written := stop()
	db := openDatabase(t, pg)
	for _, id := range before {
		require.EqualValues(t, 1, countRows(t, db, "SELECT count(*) FROM patients WHERE id = '"+id+"'"),
			"acknowledged before the copy began")
	}
	rehearsal := countRows(t, db, "SELECT count(*) FROM patients")
	require.LessOrEqual(t, rehearsal, int64(len(written)+1))
	withoutProgress(to.Run("copy")).ExpectFailure(
		1, "the target is not empty", fmt.Sprintf("patients (rows: %d)", rehearsal))
	require.NoError(t, db.Write(t.Context()).Exec("DROP SCHEMA public CASCADE").Error)
	require.NoError(t, db.Write(t.Context()).Exec("CREATE SCHEMA public").Error)

	paths := []string{"/api/patients/?limit=500", nextPage(c, "/api/patients/?limit=1"), "/api/patients/" + known + "/",
		"/api/doctors/", "/api/mappings/", "/api/auth/me/"}
	var responses []string
	for _, path := range paths {
		responses = append(responses, readAll(c, path))
	}
	require.Equal(t, 0, server.Terminate().ExitCode)
	source := "sqlite:" + filepath.Join(from.Folder, "data", "healthcare.db")
	final := withoutProgress(to.Run("copy", "--from", source)).ExpectSuccess()
	require.Contains(t, final, fmt.Sprintf("verified  patients  %d rows", len(written)+1))
	require.Contains(t, final, "The source was not written to meanwhile.")
	require.Contains(
		t, final, "AUDIT_CHECKPOINTS, stored in "+filepath.Join(from.Folder, "data", "audit-checkpoints.jsonl"))

	require.Regexp(t, `(?m)^sound: \d\d+ entries$`, to.Run("audit", "verify").ExpectSuccess(),
		"also against the checkpoints of the former database")
	server = to.Start()
	moved := harness.NewHTTPClient(t, server.WaitReady())
	moved.Token = c.Token
	for i, path := range paths {
		require.Equal(t, responses[i], readAll(moved, path), "the token, the body, the ETag and the cursor")
	}
	moved.Token = moved.Call("POST", "/api/auth/refresh/", object{"refresh": session["refresh"]},
		200)["access"].(string)
	moved.Call("PATCH", "/api/patients/"+known+"/", object{"notes": "in the new database"}, 200)
	signIn(moved)
	require.Equal(t, 0, server.Terminate().ExitCode)
	to.Run("audit", "verify").ExpectSuccess()
}

// TestBackupAndRestore backs up a database while a server writes to it, and restores the backup.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t)
	data := filepath.Join(p.Folder, "data")
	p = p.With("DATA_DIR="+data, "AUDIT_KEY=")
	server := p.Start()
	c := harness.NewHTTPClient(t, server.WaitReady())
	c.SignUp()
	session := c.Call("POST", "/api/auth/login/", harness.AshaLogin, 200)
	known := c.AddPatient()
	backedUp := readAll(c, "/api/patients/"+known+"/")
	acknowledged, stop := startWriting(c)
	require.Eventually(t, func() bool { return len(acknowledged()) > 0 }, harness.Timeout, time.Millisecond)
	before := acknowledged()
	file := filepath.Join(p.Folder, "elsewhere", "backup.db")
	p.Run("backup", "--to", file).ExpectFailure(harness.ExitFailure,
		"the folder "+filepath.Dir(file)+" does not exist: create it")
	require.NoDirExists(t, filepath.Dir(file))
	require.NoError(t, os.Mkdir(filepath.Dir(file), 0o700))
	output := withoutProgress(p.Run("backup", "--to", file)).ExpectSuccess()
	require.Regexp(t, `^saved: \S+/elsewhere/backup.db, \d+ bytes, \d+ rows of \d+ tables, integrity checked\n`, output)
	for _, name := range []string{"secret_key", "audit_key"} {
		key, err := os.ReadFile(filepath.Join(data, name))
		require.NoError(t, err)
		require.NotContains(t, output, strings.TrimSpace(string(key)))
		require.Contains(t, output, "stored in "+filepath.Join(data, name))
	}
	require.Less(t, len(before), len(stop()), "the backup does not block the writer")

	t.Run("has all rows from before, and only its owner can read it", func(t *testing.T) {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		files, err := filepath.Glob(filepath.Join(p.Folder, "elsewhere", "*"))
		require.NoError(t, err)
		require.Equal(t, []string{file}, files, "no other files")
		db, err := sql.Open("sqlite", "file:"+file+"?mode=ro")
		require.NoError(t, err)
		defer func() { _ = db.Close() }()
		var sound string
		require.NoError(t, db.QueryRow("PRAGMA integrity_check").Scan(&sound))
		require.Equal(t, "ok", sound)
		for _, id := range before {
			require.NoError(t, db.QueryRow("SELECT id FROM patients WHERE id = ?", id).Scan(&sound))
		}
	})
	t.Run("does not overwrite a file", func(t *testing.T) {
		before, err := os.ReadFile(file)
		require.NoError(t, err)
		p.Run("backup", "--to", file).ExpectFailure(1, "backup.db already exists and was not changed")
		after, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, before, after)
		output := withoutProgress(p.Run("backup")).ExpectSuccess()
		require.Contains(t, output, filepath.Join(data, "backups", "healthcare-"))
	})
	t.Run("fails for PostgreSQL and for a missing database", func(t *testing.T) {
		p.With("DATABASE_URL=postgres://a:hunter2@db.example/x").Run("backup").ExpectFailure(1, "pg_dump", "pgBackRest")
		p.With("DATA_DIR="+t.TempDir()).Run("backup").ExpectFailure(harness.ExitConfig, "no database at ",
			"or set DATA_DIR")
	})
	t.Run("is restored by replacing the database", func(t *testing.T) {
		require.Equal(t, 0, server.Terminate().ExitCode)
		for _, file := range []string{"healthcare.db-wal", "healthcare.db-shm"} {
			require.NoError(t, os.RemoveAll(filepath.Join(data, file)))
		}
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(data, "healthcare.db"), content, 0o600))
		// the checkpoints detect the older trail
		p.Run("audit", "verify").ExpectFailure(1, "checkpoint")
		checkpoints := filepath.Join(data, "audit-checkpoints.jsonl")
		require.NoError(t, os.Rename(checkpoints, checkpoints+".before-the-restore"))
		require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
		server := p.Start()
		again := harness.NewHTTPClient(t, server.WaitReady())
		again.Token = again.Call("POST", "/api/auth/refresh/", object{"refresh": session["refresh"]},
			200)["access"].(string)
		require.Equal(t, backedUp, readAll(again, "/api/patients/"+known+"/"))
		again.AddPatient()
		require.Equal(t, 0, server.Terminate().ExitCode)
		p.Run("audit", "verify").ExpectSuccess()
	})
}

func TestCopyErrors(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t).With("DATABASE_CONNECT_TIMEOUT=100ms")
	p.Run("copy").ExpectFailure(1, "the target is missing")
	p.Run("copy", "--to", "mysql://app:hunter2@db.example/x").ExpectFailure(1, "the target is missing")
	p.Run("copy", "--to", "postgres://app:hunter2@db.example:port/x").ExpectFailure(1, "not a valid PostgreSQL address")
	p.Run("copy", "--from", "postgres://app:hunter2@db.example/x", "--to", "postgres://db.example/x").ExpectFailure(1,
		"--from must be sqlite:")
	p.Run("copy", "--from", "sqlite:nowhere.db", "--to", "postgres://app:hunter2@127.0.0.1:1/x").ExpectFailure(
		harness.ExitConfig, "nothing was copied", "no database at "+filepath.Join(p.Folder, "nowhere.db"))
	p.With("DATA_DIR=data", "DATABASE_CONNECT_TIMEOUT=30s").Run("migrate", "up").ExpectSuccess()
	o := p.With("DATA_DIR=data", "DATABASE_URL=postgres://app:hunter2@127.0.0.1:1/x").Run("copy")
	o.ExpectFailure(1, "nothing was copied", "x at 127.0.0.1:1", "unavailable")
	require.Len(t, o.StderrLines(), 1)
}
