package process

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
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

// copied is a place with an embedded database that a server makes, with its keys in it, and one on PostgreSQL to move
// to.
func copied(t *testing.T) (from, to harness.Env, pg database.Config) {
	_, pg = databasetest.Both(t)
	from = harness.NewTolerantEnv(t).With("SECRET_KEY=" + harness.SecretKey)
	from = from.With("DATA_DIR=" + filepath.Join(from.Folder, "data"))
	return from, from.With("DATABASE_URL=" + pg.URL), pg
}

// startWriting has a client add patients until stop, which returns the ids of the responses.
func startWriting(c *harness.HTTPClient) (answered func() []string, stop func() []string) {
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
	answered = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string{}, ids...)
	}
	return answered, func() []string {
		over.Store(true)
		writer.Wait()
		return answered()
	}
}

// openDatabase is the store, for a test to look into.
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

// readAll is what a client sees of a path: the bytes and the version.
func readAll(c *harness.HTTPClient, path string) string {
	c.T.Helper()
	raw, header := read(c, path)
	return header.Get("ETag") + "\n" + raw
}

// next is the page behind the one at path.
func next(c *harness.HTTPClient, path string) string {
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

// The whole move: a rehearsal beside a server that is written to, a copy that is given up, and the one that counts,
// after which clients go on as if nothing had happened.
func TestCopyToPostgres(t *testing.T) {
	t.Parallel()
	from, to, pg := copied(t)
	server := from.Start()
	c := harness.NewHTTPClient(t, server.WaitReady())
	c.SignUp()
	session := c.Call("POST", "/api/auth/login/", harness.AshaLogin, 200)
	doctor := c.Call("POST", "/api/doctors/",
		object{"name": "Dr. Khanna", "specialization": "Dermatology", "experience": 9}, 201)["id"]
	known := c.AddPatient()
	c.Call("PATCH", "/api/patients/"+known+"/", object{"birth_date": "1990-02-28", "notes": "李 é 🏥\n"}, 200)
	c.Call("POST", "/api/mappings/", object{"patient": known, "doctor": doctor}, 201)

	answered, stop := startWriting(c)
	require.Eventually(t, func() bool { return len(answered()) > 0 }, harness.Timeout, time.Millisecond)
	givenUp := to.Run("copy").ExpectFailure(1, "nothing was copied", "a server is writing to the source")
	require.NotContains(t, givenUp.Stderr, pg.URL)
	before := answered()
	rehearsed := to.Run("copy", "--snapshot").ExpectSuccess()
	require.Contains(t, rehearsed, "later writes are not in the copy")
	written := stop()
	db := openDatabase(t, pg)
	for _, id := range before {
		require.EqualValues(t, 1, countRows(t, db, "SELECT count(*) FROM patients WHERE id = '"+id+"'"),
			"it was answered before the copy began")
	}
	rehearsal := countRows(t, db, "SELECT count(*) FROM patients")
	require.LessOrEqual(t, rehearsal, int64(len(written)+1))
	to.Run("copy").ExpectFailure(1, "it is not empty", fmt.Sprintf("patients (rows: %d)", rehearsal))
	require.NoError(t, db.Write(t.Context()).Exec("DROP SCHEMA public CASCADE").Error)
	require.NoError(t, db.Write(t.Context()).Exec("CREATE SCHEMA public").Error)

	paths := []string{"/api/patients/?limit=500", next(c, "/api/patients/?limit=1"), "/api/patients/" + known + "/",
		"/api/doctors/", "/api/mappings/", "/api/auth/me/"}
	var was []string
	for _, path := range paths {
		was = append(was, readAll(c, path))
	}
	require.Equal(t, 0, server.Terminate().ExitCode)
	final := to.Run("copy", "--from", "sqlite:"+filepath.Join(from.Folder, "data", "healthcare.db")).ExpectSuccess()
	require.Contains(t, final, fmt.Sprintf("verified  patients  %d rows", len(written)+1))
	require.Contains(t, final, "The source was not written to meanwhile.")
	require.Contains(
		t, final, "AUDIT_CHECKPOINTS, stored in "+filepath.Join(from.Folder, "data", "audit-checkpoints.jsonl"))

	require.Regexp(t, `^sound: \d\d+ entries\n$`, to.Run("audit", "verify").ExpectSuccess(),
		"verified against the checkpoints of the former database, too")
	server = to.Start()
	moved := harness.NewHTTPClient(t, server.WaitReady())
	moved.Token = c.Token
	for i, path := range paths {
		require.Equal(t, was[i], readAll(moved, path), "the access token, the bytes, the ETag, and the cursor")
	}
	moved.Token = moved.Call("POST", "/api/auth/refresh/", object{"refresh": session["refresh"]},
		200)["access"].(string)
	moved.Call("PATCH", "/api/patients/"+known+"/", object{"notes": "in the new database"}, 200)
	signIn(moved)
	require.Equal(t, 0, server.Terminate().ExitCode)
	to.Run("audit", "verify").ExpectSuccess()
}

// A backup beside a server that is written to, and the walk back from it.
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
	patientThen := readAll(c, "/api/patients/"+known+"/")
	answered, stop := startWriting(c)
	require.Eventually(t, func() bool { return len(answered()) > 0 }, harness.Timeout, time.Millisecond)
	before := answered()
	file := filepath.Join(p.Folder, "elsewhere", "backup.db")
	said := p.Run("backup", "--to", file).ExpectSuccess()
	require.Regexp(t, `^saved: \S+/elsewhere/backup.db, \d+ bytes, \d+ rows of \d+ tables, integrity checked\n`, said)
	for _, kept := range []string{"secret_key", "audit_key"} {
		key, err := os.ReadFile(filepath.Join(data, kept))
		require.NoError(t, err)
		require.NotContains(t, said, strings.TrimSpace(string(key)))
		require.Contains(t, said, "stored in "+filepath.Join(data, kept))
	}
	require.Less(t, len(before), len(stop()), "the writer was not held off")

	t.Run("is a file of its owner's that has all that was answered before it began", func(t *testing.T) {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		left, err := filepath.Glob(filepath.Join(p.Folder, "elsewhere", "*"))
		require.NoError(t, err)
		require.Equal(t, []string{file}, left, "and nothing beside it")
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
	t.Run("replaces no file", func(t *testing.T) {
		was, err := os.ReadFile(file)
		require.NoError(t, err)
		p.Run("backup", "--to", file).ExpectFailure(1, "backup.db is there already, and is left as it is")
		is, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, was, is)
		require.Contains(t, p.Run("backup").ExpectSuccess(), filepath.Join(data, "backups", "healthcare-"))
	})
	t.Run("is not for PostgreSQL, nor for what is not there", func(t *testing.T) {
		p.With("DATABASE_URL=postgres://a:hunter2@db.example/x").Run("backup").ExpectFailure(1, "pg_dump", "pgBackRest")
		p.With("DATA_DIR="+t.TempDir()).Run("backup").ExpectFailure(1, "no database at ", "or set DATA_DIR")
	})
	t.Run("is restored by putting it back", func(t *testing.T) {
		require.Equal(t, 0, server.Terminate().ExitCode)
		for _, gone := range []string{"healthcare.db-wal", "healthcare.db-shm"} {
			require.NoError(t, os.RemoveAll(filepath.Join(data, gone)))
		}
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(data, "healthcare.db"), content, 0o600))
		// an older past than the checkpoints know: that is what they are for
		p.Run("audit", "verify").ExpectFailure(1, "checkpoint")
		checkpoints := filepath.Join(data, "audit-checkpoints.jsonl")
		require.NoError(t, os.Rename(checkpoints, checkpoints+".before-the-restore"))
		require.Contains(t, p.Run("audit", "verify").ExpectSuccess(), "sound: ")
		server := p.Start()
		again := harness.NewHTTPClient(t, server.WaitReady())
		again.Token = again.Call("POST", "/api/auth/refresh/", object{"refresh": session["refresh"]},
			200)["access"].(string)
		require.Equal(t, patientThen, readAll(again, "/api/patients/"+known+"/"))
		again.AddPatient()
		require.Equal(t, 0, server.Terminate().ExitCode)
		p.Run("audit", "verify").ExpectSuccess()
	})
}

func TestCopyReportsWhyItCannotBegin(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t).With("DATABASE_CONNECT_TIMEOUT=100ms")
	p.Run("copy").ExpectFailure(1, "the target is missing")
	p.Run("copy", "--to", "mysql://app:hunter2@db.example/x").ExpectFailure(1, "the target is missing")
	p.Run("copy", "--to", "postgres://app:hunter2@db.example:port/x").ExpectFailure(1, "not a valid PostgreSQL address")
	p.Run("copy", "--from", "postgres://app:hunter2@db.example/x", "--to", "postgres://db.example/x").ExpectFailure(1,
		"--from must be sqlite:")
	p.Run("copy", "--from", "sqlite:nowhere.db", "--to", "postgres://app:hunter2@127.0.0.1:1/x").ExpectFailure(1,
		"nothing was copied", "no database at "+filepath.Join(p.Folder, "nowhere.db"))
	p.With("DATA_DIR=data", "DATABASE_CONNECT_TIMEOUT=30s").Run("migrate", "up").ExpectSuccess()
	o := p.With("DATA_DIR=data", "DATABASE_URL=postgres://app:hunter2@127.0.0.1:1/x").Run("copy")
	o.ExpectFailure(1, "nothing was copied", "x at 127.0.0.1:1", "unavailable")
	require.Len(t, o.StderrLines(), 1)
}
