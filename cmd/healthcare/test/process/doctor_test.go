package process

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// doctor runs healthcare doctor and returns its lines.
func doctor(p harness.Env, code int) []string {
	p.T.Helper()
	o := p.Run("doctor")
	require.Equal(p.T, code, o.ExitCode, "%s%s", o.Stdout, o.Stderr)
	lines := strings.Split(strings.TrimSuffix(o.Stdout, "\n"), "\n")
	failed := 0
	for _, line := range lines {
		require.Regexp(p.T, `^(ok  |warn|fail)  [a-z]+ +\S.*$`, line)
		if strings.HasPrefix(line, "fail") {
			failed++
		}
	}
	require.Equal(p.T, code != 0, failed > 0)
	require.Less(p.T, o.Duration, 20*time.Second)
	return lines
}

// requireCheck asserts that a line has the state, the subject and the words.
func requireCheck(t *testing.T, lines []string, state, subject string, words ...string) {
	t.Helper()
	for _, line := range lines {
		fields := strings.Fields(line)
		if fields[0] != state || fields[1] != subject {
			continue
		}
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			return
		}
	}
	require.Fail(t, "no such line", "%s %s %v in\n%s", state, subject, words, strings.Join(lines, "\n"))
}

// folderContent returns the digest of every file below a folder.
func folderContent(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = fmt.Sprintf("%x", sha256.Sum256(content))
		return err
	}))
	return all
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		p = p.With("AUDIT_CHECKPOINTS=" + filepath.Join(p.Folder, "checkpoints.jsonl"))
		r := p.Start()
		harness.NewHTTPClient(t, r.WaitReady()).SignUp()
		requireCheck(t, doctor(p, 0), "ok", "store") // while the server runs
		require.Equal(t, 0, r.Terminate().ExitCode)

		t.Run("reports no failure and changes no file", func(t *testing.T) {
			before := folderContent(t, p.Folder)
			if db.Path != "" {
				before = folderContent(t, filepath.Dir(db.Path))
			}
			lines := doctor(p, 0)
			for _, subject := range []string{"config", "keys", "store", "migrations", "checkpoints", "clock", "disk"} {
				requireCheck(t, lines, "ok", subject)
			}
			if db.URL != "" {
				requireCheck(t, lines, "ok", "skew", "agrees with the database server's")
			}
			subjects := map[string]string{}
			for _, line := range lines {
				subject := strings.Fields(line)[1]
				require.Empty(t, subjects[subject], "two lines have the same subject: %s", line)
				if subject != "disk" { // one line per folder
					subjects[subject] = line
				}
			}
			after := folderContent(t, p.Folder)
			if db.Path != "" {
				after = folderContent(t, filepath.Dir(db.Path))
			}
			require.Equal(t, before, after)
		})
		t.Run("names the engine, and for PostgreSQL the version, role and server",
			func(t *testing.T) {
				if db.URL == "" {
					requireCheck(t, doctor(p, 0), "ok", "store", "SQLite ("+db.Path+") is sound")
					return
				}
				lines := doctor(p, 0)
				requireCheck(t, lines, "ok", "store", "PostgreSQL (", " answers from ", ": version ", ", role ")
				requireCheck(t, lines, "ok", "encoding", "UTF8")
				requireCheck(t, lines, "ok", "extensions", "pg_trgm and its indexes")
				requireCheck(t, lines, "ok", "privacy", "log_error_verbosity is terse")
				into := openDatabase(t, db).Write(t.Context())
				require.NoError(t, into.Exec(
					`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET log_error_verbosity = ''default''',
				current_database()); END $$`,
				).Error)
				requireCheck(t, doctor(p, 0), "warn", "privacy", "log_error_verbosity is default")
			})
		t.Run("reports files that other accounts can read", func(t *testing.T) {
			require.NoError(t, os.MkdirAll(filepath.Join(p.Folder, "open"), 0o755))
			q := p.With("DATA_DIR=" + filepath.Join(p.Folder, "open"))
			if db.URL == "" {
				return // DATA_DIR selects another store
			}
			requireCheck(t, doctor(q, 0), "warn", "files", "(mode 0755): chmod go= ")
		})
		t.Run("names tables of a schema that is searched before that of the service", func(t *testing.T) {
			if db.URL == "" {
				return // SQLite has no schemas
			}
			execute := func(format string) { // with the role as %1$I and the database as %2$I
				harness.Exec(t, db, "DO $$ BEGIN EXECUTE format('"+format+
					"', current_user, current_database()); END $$")
			}
			requireCheck(t, doctor(p, 0), "ok", "schema", "(public)")
			execute("CREATE SCHEMA %1$I")
			other := "in the schema public, but the search_path begins with "
			requireCheck(t, doctor(p, 1), "fail", "migrations", other)
			p.Run().ExpectFailure(harness.ExitConfig, other, `SET search_path = "public"`)

			execute("CREATE TABLE %1$I.users (); CREATE VIEW %1$I.patients AS SELECT 1; CREATE TABLE %1$I.unrelated ()")
			requireCheck(t, doctor(p, 1), "fail", "schema", ".patients, ", ".users: used instead of the tables of the "+
				"service in public: ", "ALTER ROLE ", ` SET search_path = "public"`)
			execute("ALTER DATABASE %2$I SET search_path = public, %1$I")
			requireCheck(t, doctor(p, 0), "ok", "schema", "(public)")
			execute("ALTER DATABASE %2$I SET search_path = public, copy")
			harness.Exec(t, db, `CREATE SCHEMA copy`, `DO $$ DECLARE name text; BEGIN FOR name IN SELECT tablename
				FROM pg_tables WHERE tablename LIKE 'goose%' LOOP EXECUTE format('CREATE TABLE copy.%I ()', name);
				END LOOP; END $$`)
			requireCheck(t, doctor(p, 0), "warn", "schema", "public is used, but copy is in the search_path")
			execute("ALTER DATABASE %2$I RESET search_path")
			execute("DROP SCHEMA %1$I CASCADE")
		})
		t.Run("lists pending migrations", func(t *testing.T) {
			harness.Exec(t, db, `DELETE FROM goose_assignments WHERE version_id = 1`)
			requireCheck(t, doctor(p, 1), "fail", "migrations",
				"pending: assignments/0001_assignments.sql: run `healthcare migrate up`")
			harness.Exec(t, db, `INSERT INTO goose_assignments (version_id, is_applied) VALUES (1, true)`)
		})
		t.Run("lists migrations of a newer release", func(t *testing.T) {
			harness.Exec(t, db, `INSERT INTO goose_doctors (version_id, is_applied) VALUES (9000, true)`)
			requireCheck(t, doctor(p, 0), "warn", "migrations", "applied by a newer release: doctors/9000")
		})
		t.Run("fails for a breaking migration of a newer release", func(t *testing.T) {
			harness.Exec(t, db, `INSERT INTO breaking_migrations (module, version) VALUES ('doctors', 9000)`)
			requireCheck(t, doctor(p, 1), "fail", "migrations", "doctors/9000", "cannot work with")
			harness.Exec(t, db, `DELETE FROM breaking_migrations`)
		})
		t.Run("reports a checkpoint after the end of the trail", func(t *testing.T) {
			path := filepath.Join(p.Folder, "checkpoints.jsonl")
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			openTampering(t, db)
			harness.Exec(t, db, `UPDATE audit_chain SET number = NULL`, `DELETE FROM audit_segments`)
			requireCheck(t, doctor(p, 1), "fail", "checkpoints", path, "does not match the trail", "cut off")
			require.NoError(t, os.WriteFile(path, append(content, "{}\n"...), 0o600))
			requireCheck(t, doctor(p, 1), "fail", "checkpoints", path)
		})
	})
	t.Run("reports an invalid configuration and a misspelt variable", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t)
		requireCheck(t, doctor(p.With("DEBUG=perhaps"), 1), "fail", "config", "(DEBUG): must be true or false")
		requireCheck(t, doctor(p.With("DATABSE_URL=hunter2"), 1), "warn", "config",
			"DATABSE_URL is unknown: did you mean DATABASE_URL?")
		requireCheck(t, doctor(p.With("APP_ENV=production"), 1), "fail", "keys", "secret_key (SECRET_KEY): is required")
		require.Len(t, p.ListFolder(), 1)
	})
	t.Run("reports an unsupported encoding and the remedy", func(t *testing.T) {
		t.Parallel()
		pg := databasetest.PostgresWith(t, "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
		p := harness.NewEnv(t).With("SECRET_KEY="+harness.SecretKey, "AUDIT_KEY="+harness.AuditKey,
			"DATABASE_URL="+pg.URL)
		requireCheck(t, doctor(p, 1), "fail", "store", "LATIN1", "dump it and restore it")
	})
	t.Run("times out if the database does not respond, and shows no password", func(t *testing.T) {
		t.Parallel()
		silent := startFakePostgres(t, nil)
		p := harness.NewEnv(t).With("SECRET_KEY="+harness.SecretKey, "AUDIT_KEY="+harness.AuditKey,
			"DATABASE_URL="+strings.Replace(silent.url, "@", ":hunter2@", 1))
		requireCheck(t, doctor(p, 1), "fail", "store", "PostgreSQL (clinic at ")
	})
	t.Run("reports a file that is not a database", func(t *testing.T) {
		t.Parallel()
		p := harness.NewTolerantEnv(t).With("SECRET_KEY=" + harness.SecretKey)
		require.NoError(t, os.Mkdir(filepath.Join(p.Folder, "data"), 0o700))
		require.NoError(
			t, os.WriteFile(filepath.Join(p.Folder, "data", "healthcare.db"),
				[]byte(strings.Repeat("no database", 1000)), 0o644))
		lines := doctor(p, 1)
		requireCheck(t, lines, "fail", "store", "not a database")
		requireCheck(t, lines, "warn", "files", "healthcare.db is accessible to other accounts (mode 0644)")
	})
	t.Run("names the responding one of several hosts", func(t *testing.T) {
		t.Parallel()
		_, pg := databasetest.Both(t)
		hosts := regexp.MustCompile(`host=[^&]*`)
		if !hosts.MatchString(pg.URL) {
			t.Skip("the server of TEST_DATABASE_URL is not addressed by host=")
		}
		several := hosts.ReplaceAllString(pg.URL,
			"host=127.0.0.1,"+strings.TrimPrefix(hosts.FindString(pg.URL), "host="))
		p := harness.NewEnv(t).With("SECRET_KEY="+harness.SecretKey, "AUDIT_KEY="+harness.AuditKey)
		requireCheck(t, doctor(p.With("DATABASE_URL="+several), 0), "ok", "store", "127.0.0.1", ", ", " answers from ")
	})
}
