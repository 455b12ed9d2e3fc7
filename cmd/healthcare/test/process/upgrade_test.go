package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/cmd/internal/harness"
	"healthcare/migrations"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// previousRelease builds the release that testdata/previous_release names and returns the program's path.
func previousRelease(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(harness.Root(t, "cmd/healthcare/testdata/previous_release"))
	require.NoError(t, err)
	commit := strings.TrimSpace(string(content))
	root, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err == nil {
		err = exec.Command("git", "cat-file", "-e", commit+"^{commit}").Run()
	}
	if err != nil {
		message := "this clone lacks the previous release (" + commit +
			"), so upgrading from it cannot be tested: run git fetch --unshallow"
		if os.Getenv("CI") == "true" || os.Getenv("REQUIRE_POSTGRES") == "1" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	folder := t.TempDir()
	archive := filepath.Join(folder, "source.tar")
	steps := []*exec.Cmd{
		exec.Command("git", "-C", strings.TrimSpace(string(root)), "archive", "--output", archive, commit),
		exec.Command("tar", "-x", "-f", archive, "-C", folder),
		// -trimpath lets builds in other folders share the build cache.
		exec.Command("go", "build", "-race=false", "-trimpath", "-buildvcs=false", "-o",
			filepath.Join(folder, "previous"), "./cmd/healthcare"),
	}
	steps[2].Dir = folder
	for _, step := range steps {
		output, err := step.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	return filepath.Join(folder, "previous")
}

// upgradeLoad runs clients that read and write all kinds of resources until stop.
type upgradeLoad struct {
	t         *testing.T
	clients   sync.WaitGroup
	over      atomic.Bool
	rounds    atomic.Int64
	mu        sync.Mutex
	remaining map[string]string // id of each remaining patient -> notes
	failed    []string
}

func newUpgradeLoad(t *testing.T) *upgradeLoad {
	l := &upgradeLoad{t: t, remaining: map[string]string{}}
	t.Cleanup(l.stop)
	return l
}

// start runs as many clients with the token as the instance's pool has connections.
func (l *upgradeLoad) start(base, token string) {
	for worker := range 6 {
		c := harness.NewHTTPClient(l.t, base)
		c.Token = token
		l.clients.Go(func() {
			for n := 0; !l.over.Load(); n++ {
				l.round(c, worker, n)
				l.rounds.Add(1)
			}
		})
	}
}

func (l *upgradeLoad) stop() {
	l.over.Store(true)
	l.clients.Wait()
}

// waitForRounds waits for this number of further rounds.
func (l *upgradeLoad) waitForRounds(rounds int64) {
	l.t.Helper()
	until := l.rounds.Load() + rounds
	require.Eventually(l.t, func() bool { return l.rounds.Load() >= until || l.hasFailed() }, harness.Timeout,
		5*time.Millisecond)
}

func (l *upgradeLoad) hasFailed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.failed) > 0
}

func (l *upgradeLoad) round(c *harness.HTTPClient, worker, n int) {
	send := func(method, path string, body object, headers ...string) object {
		response, err := c.Send(method, path, body, headers...)
		if err != nil || response.Status >= 500 || response.Status == 401 {
			l.mu.Lock()
			defer l.mu.Unlock()
			failure := fmt.Sprintf("%s %s: %d %v %v", method, path, response.Status, response.Body["code"], err)
			l.failed = append(l.failed, failure)
		}
		return response.Body
	}
	id := func(o object) string {
		text, _ := o["id"].(string)
		return text
	}
	patient := id(
		send("POST", "/api/patients/", harness.VermaPatient, "Idempotency-Key", fmt.Sprintf("%p-%d-%d", c, worker, n)))
	note := fmt.Sprintf("é 🩺 %d of %d", n, worker)
	changed := send("PATCH", "/api/patients/"+patient+"/", object{"notes": note})
	doctor := id(
		send("POST", "/api/doctors/", object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology",
			"experience": 9}))
	send("PATCH", "/api/doctors/"+doctor+"/", object{"phone": "+91 80 5550 0188"})
	mapping := id(send("POST", "/api/mappings/", object{"patient": patient, "doctor": doctor}))
	for _, path := range []string{
		"/api/patients/?search=verma&ordering=-created_at", "/api/patients/" + patient + "/",
		"/api/doctors/?ordering=name", "/api/doctors/" + doctor + "/",
		"/api/mappings/", "/api/mappings/" + patient + "/", "/api/auth/me/", "/api/auth/sessions/", "/api/patients/" +
			patient + "/access-log/", "/readyz",
	} {
		send("GET", path, nil)
	}
	if n%8 == 0 { // ends its session, because the number of sessions is limited
		token := c.Token
		c.Token, _ = send("POST", "/api/auth/login/", harness.AshaLogin)["access"].(string)
		send("POST", "/api/auth/logout/", object{})
		c.Token = token
	}
	send("DELETE", "/api/mappings/"+mapping+"/", nil)
	send("DELETE", "/api/doctors/"+doctor+"/", nil)
	if n%2 == 0 {
		send("DELETE", "/api/patients/"+patient+"/", nil)
		return
	}
	if id(changed) == patient && patient != "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.remaining[patient] = note
	}
}

// check asserts that no request failed, and that each of these instances returns the notes that all have written.
func (l *upgradeLoad) check(token string, bases ...string) {
	l.t.Helper()
	l.stop()
	require.Empty(l.t, l.failed)
	require.NotEmpty(l.t, l.remaining)
	for _, base := range bases {
		c := harness.NewHTTPClient(l.t, base)
		c.Token = token
		for id, note := range l.remaining {
			require.Equal(l.t, note, c.Call("GET", "/api/patients/"+id+"/", nil, 200)["notes"])
		}
	}
}

// TestUpgradeWhileThePreviousReleaseServes migrates the store while an instance of the previous release serves it, and
// then serves it with both releases.
func TestUpgradeWhileThePreviousReleaseServes(t *testing.T) {
	t.Parallel()
	p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey,
		"DATABASE_URL="+databasetest.PostgresWith(t, "").URL)
	previous := previousRelease(t)
	older := p.With("DATA_DIR=" + t.TempDir()).Command(previous)
	before := harness.NewHTTPClient(t, older.WaitReady())
	before.SignUp()
	l := newUpgradeLoad(t)
	l.start(before.URL, before.Token)
	l.waitForRounds(48)

	p.Run("migrate", "up").ExpectSuccess()
	l.waitForRounds(48)
	newer := p.With("DATA_DIR="+t.TempDir(), "DATABASE_MIGRATE_ON_START=false").Start()
	after := newer.WaitReady()
	l.start(after, before.Token)
	l.waitForRounds(48)
	another := p.With("DATA_DIR=" + t.TempDir()).Command(previous) // as in a rollback
	l.start(another.WaitReady(), before.Token)
	l.waitForRounds(48)
	l.check(before.Token, before.URL, after, another.WaitReady())
	require.Equal(t, 0, p.Run("audit", "verify").ExitCode)
	t.Run("removals", func(t *testing.T) { testRemovalsByThePreviousRelease(t, previous) })
}

// testRemovalsByThePreviousRelease has the previous release, as in a rollback, delete records to which rows of tables
// refer that it does not know.
func testRemovalsByThePreviousRelease(t *testing.T, previous string) {
	harness.EachEnv(t, func(t *testing.T, p harness.Env, cfg database.Config) {
		p.Run("migrate", "up").ExpectSuccess()
		c := harness.NewHTTPClient(t, p.Command(previous).WaitReady())
		c.SignUp()
		user := c.Call("GET", "/api/auth/me/", nil, 200)["id"].(string)
		first, second := c.AddPatient(), c.AddPatient()
		doctor := func() string {
			return c.Call("POST", "/api/doctors/", object{
				"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9,
			}, 201)["id"].(string)
		}
		busy, free := doctor(), doctor()
		kind, hash := uuid.NewString(), map[bool]string{true: `'\xff'`, false: `x'ff'`}[cfg.URL != ""]
		const at = "'2026-11-25T00:10:20.000001Z'"
		add := func(table string, values ...string) {
			row := strings.Join(values, ", ")
			for name, value := range map[string]string{
				"ID": uuid.NewString(), "USER": user, "TYPE": kind, "BUSY": busy, "FREE": free,
			} {
				row = strings.ReplaceAll(row, name, "'"+value+"'")
			}
			harness.Exec(t, cfg, "INSERT INTO "+table+" VALUES ("+strings.ReplaceAll(row, "AT", at)+")")
		}
		add("appointment_types", "TYPE, 'check-up', 30, 0, 0, 1, false, true, true, 1, AT, AT")
		add("availability", "FREE, '', 15, 0, 365, 1, AT")
		add("availability_windows", "ID, FREE, 1, 540, 1020, NULL, NULL, NULL")
		add("availability_exceptions", "ID, FREE, '2026-12-24', '2026-12-26', NULL, NULL, 'closed', '', USER, AT")
		add("calendar_feeds", "ID, FREE, "+hash+", 'busy', USER, AT, NULL")
		for i, patient := range []string{first, second} {
			starts, ends := fmt.Sprintf("'2026-12-01T1%d:00:00Z'", i), fmt.Sprintf("'2026-12-01T1%d:30:00Z'", i)
			add("appointments", "ID, USER, '"+patient+"', BUSY, '', TYPE, NULL, ID, 0",
				starts, ends, starts, ends, "'', '', 'booked', false, '', '', '', NULL, 0, 1, USER, AT, AT")
			add("waiting_entries", "ID, USER, '"+patient+"', BUSY, TYPE, "+
				"'2026-12-01', '2026-12-31', 'any', 'waiting', "+
				"NULL, NULL, 1, USER, AT, AT")
		}
		c.Call("DELETE", "/api/patients/"+first+"/", nil, 204)
		c.Call("DELETE", "/api/doctors/"+free+"/", nil, 204)
		c.Call("DELETE", "/api/auth/me/?patients=delete", object{"password": harness.AshaAccount["password"]}, 204)
		db, err := database.Open(cfg, zap.NewNop())
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		for _, table := range []string{"availability_windows", "calendar_feeds", "appointments", "waiting_entries"} {
			var rows int64
			require.NoError(t, db.Read(t.Context()).Table(table).Count(&rows).Error)
			require.Zero(t, rows, table)
		}
	})
}

// TestFutureMigrations adds a nullable column, one with a default and an index to every table while an instance serves.
func TestFutureMigrations(t *testing.T) {
	t.Parallel()
	cfg := databasetest.PostgresWith(t, "")
	p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_URL="+cfg.URL,
		"DATA_DIR="+t.TempDir())
	c := harness.NewHTTPClient(t, p.Start().WaitReady())
	c.SignUp()
	l := newUpgradeLoad(t)
	l.start(c.URL, c.Token)
	l.waitForRounds(48)
	db, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	for _, future := range futureMigrations(t, db) {
		_, err := db.Migrate(context.Background(), future)
		require.NoError(t, err)
		l.waitForRounds(18)
	}
	l.check(c.Token, c.URL)
}

// futureMigrations returns the migrations of one release per table.
func futureMigrations(t *testing.T, db *database.DB) (all []database.Migrations) {
	t.Helper()
	var tables []struct{ Name, First string }
	require.NoError(
		t, db.Read(t.Context()).Raw(
			`SELECT relname AS name, attname AS first FROM pg_class
			JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = 1
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
			AND NOT relispartition AND relname NOT LIKE 'goose\_%'`).Scan(&tables).Error)
	require.GreaterOrEqual(t, len(tables), 8)
	files := fstest.MapFS{}
	for i, table := range tables {
		files[fmt.Sprintf("pretend/postgres/%04d_%s.sql", i+1, table.Name)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"-- +goose Up\nALTER TABLE %[1]s ADD COLUMN pretend_empty text;\n"+
				"ALTER TABLE %[1]s ADD COLUMN pretend_full integer NOT NULL DEFAULT 7;\n"+
				"CREATE INDEX %[1]s_pretend_idx ON %[1]s (%[2]s, pretend_full);\n", table.Name, table.First)}
		all = append(all, database.Migrations{Files: maps.Clone(files), Modules: []string{"pretend"}})
	}
	return all
}

// bothFiles has the files of own and more.
type bothFiles struct{ own, more fs.FS }

// Open implements fs.FS.
func (f bothFiles) Open(name string) (fs.File, error) {
	file, err := f.more.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return f.own.Open(name)
	}
	return file, err
}

// TestNewerSchema runs the program on a store that a newer release has migrated.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, cfg database.Config) {
		all := migrations.All()
		more := fstest.MapFS{}
		for _, engine := range []string{"sqlite", "postgres"} {
			more["visits/"+engine+"/0001_visits.sql"] = &fstest.MapFile{Data: []byte(
				"-- +goose Up\nCREATE TABLE visits (id text PRIMARY KEY);\n")}
			more["visits/"+engine+"/0002_only_new.sql"] = &fstest.MapFile{Data: []byte(
				"-- +goose Up\nINSERT INTO breaking_migrations (module, version) VALUES ('visits', 2);\n")}
		}
		migrate := func(except string) {
			files := fstest.MapFS{}
			for name, file := range more {
				if except == "" || !strings.Contains(name, except) {
					files[name] = file
				}
			}
			db, err := database.Open(cfg, zap.NewNop())
			require.NoError(t, err)
			defer func() { _ = db.Close() }()
			_, err = db.Migrate(
				t.Context(), database.Migrations{Files: bothFiles{all.Files, files},
					Modules: append(append([]string{}, all.Modules...), "visits")})
			require.NoError(t, err)
		}
		const newer = "applied by a newer release:  visits/0001\n"
		migrate("0002")
		t.Run("serves with a warning at the start", func(t *testing.T) {
			r := p.Start()
			harness.NewHTTPClient(t, r.WaitReady()).SignUp()
			require.Contains(t, r.Terminate().Stderr, "applied by a newer release: visits/0001")
		})
		t.Run("is listed by migrate status and ignored by migrate up", func(t *testing.T) {
			require.Contains(t, p.Run("migrate", "status").ExpectSuccess(), newer)
			require.Equal(t, "nothing to do: the schema is up to date\n", p.Run("migrate", "up").ExpectSuccess())
		})
		migrate("")
		t.Run("rejects a breaking migration", func(t *testing.T) {
			const why = "a newer release has applied visits/0002, which this release cannot work with"
			for _, command := range [][]string{{}, {"serve"}, {"migrate", "up"}, {"user", "list"},
				{"audit", "verify"}} {
				p.Run(command...).ExpectFailure(harness.ExitConfig, why)
			}
			p.With("DATABASE_MIGRATE_ON_START=false").Run().ExpectFailure(harness.ExitConfig, why)
			status := p.Run("migrate", "status")
			require.Equal(t, harness.ExitConfig, status.ExitCode)
			require.Contains(t, status.Stdout, newer)
			require.Contains(t, status.Stderr, why)
		})
	})
}

// TestUnsupportedEncoding checks that every command rejects a database of an unsupported encoding.
func TestUnsupportedEncoding(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			url := databasetest.PostgresWith(t, "TEMPLATE template0 ENCODING '"+encoding+"' LOCALE 'C'").URL
			p := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATABASE_URL="+url)
			for _, command := range [][]string{{}, {"migrate", "up"}, {"migrate", "status"}, {"user", "list"},
				{"audit", "verify"}} {
				p.Run(command...).ExpectFailure(harness.ExitConfig, "encoded in "+encoding, "dump it and restore it")
			}
			embedded := harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey, "DATA_DIR="+t.TempDir())
			embedded.Run("migrate", "up").ExpectSuccess()
			embedded.Run("copy", "--to", url).ExpectFailure(harness.ExitConfig, "encoded in "+encoding)
		})
	}
}
