package migrations_test

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"healthcare/migrations"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestBothEnginesHaveTheSameVersions(t *testing.T) {
	all := migrations.All()
	names := func(module, engine string) []string {
		files, err := fs.Glob(all.Files, path.Join(module, engine, "*.sql"))
		require.NoError(t, err)
		for i := range files {
			files[i] = path.Base(files[i])
		}
		return files
	}
	for _, module := range all.Modules {
		t.Run(module, func(t *testing.T) {
			require.NotEmpty(t, names(module, "sqlite"))
			require.Equal(t, names(module, "postgres"), names(module, "sqlite"))
		})
	}
	t.Run("every folder's module is applied", func(t *testing.T) {
		folders, err := fs.Glob(all.Files, "*/*")
		require.NoError(t, err)
		var want []string
		for _, module := range all.Modules {
			want = append(want, module+"/postgres", module+"/sqlite")
		}
		require.ElementsMatch(t, want, folders)
	})
}

// cascading lists foreign keys of tables that earlier releases do not clear when they delete a referenced row.
var cascading = []string{
	"user_mailboxes_user_id_fkey", "known_clients_user_id_fkey", "user_mail_tokens_user_id_fkey",
	"doctor_creators_doctor_id_fkey", "doctor_creators_user_id_fkey",
	"doctor_removals_doctor_id_fkey", "patient_grants_patient_id_fkey", "acting_user_id_fkey",
	"acting_invitations_invited_by_fkey",
	"patient_doctors_patient_id_fkey",
	"patient_invitations_patient_id_fkey", "patient_corrections_patient_id_fkey",
	"patient_restrictions_patient_id_fkey",
	"availability_doctor_id_fkey", "availability_windows_doctor_id_fkey", "availability_exceptions_doctor_id_fkey",
	"appointments_patient_id_fkey", "waiting_entries_patient_id_fkey", "calendar_feeds_doctor_id_fkey",
	"doctor_links_doctor_id_fkey", "doctor_links_user_id_fkey", "doctor_invitations_doctor_id_fkey",
}

// TestBothEnginesHaveTheSameSchema compares the schemas in the catalogues of both engines after all migrations.
func TestBothEnginesHaveTheSameSchema(t *testing.T) {
	var onSQLite, onPostgres schema
	t.Run("engines", func(t *testing.T) { // ends when both have been read
		databasetest.Each(t, func(t *testing.T, db *database.DB) {
			if db.Engine() == database.SQLite {
				onSQLite = readSQLite(t, db)
			} else {
				onPostgres = readPostgres(t, db)
			}
		})
	})
	if onPostgres == nil {
		t.Skip(databasetest.Missing)
	}
	var tables, bookkeeping []string
	for name := range onSQLite {
		if strings.HasPrefix(name, "goose_") {
			bookkeeping = append(bookkeeping, name)
		} else {
			tables = append(tables, name)
		}
	}
	slices.Sort(tables)
	require.GreaterOrEqual(t, len(tables), 5)

	t.Run("tables", func(t *testing.T) { require.Equal(t, onPostgres.names(), onSQLite.names()) })
	t.Run("every module has a table of applied migrations", func(t *testing.T) {
		var want []string
		for _, module := range migrations.All().Modules {
			want = append(want, "goose_"+module)
		}
		require.ElementsMatch(t, want, bookkeeping)
	})
	for _, name := range tables {
		lite, pg := onSQLite[name], onPostgres[name]
		require.NotEmpty(t, pg.columns, "table %s exists on PostgreSQL", name)
		t.Run(name+": columns, in the same order, with equivalent types", func(t *testing.T) {
			require.Equal(t, pg.columns, lite.columns)
		})
		t.Run(name+": primary key and unique constraints, by the names that stores use", func(t *testing.T) {
			require.Equal(t, pg.unique, lite.unique)
		})
		t.Run(name+": foreign keys, which do not cascade except those in cascading", func(t *testing.T) {
			require.Equal(t, pg.foreign, lite.foreign)
			for _, key := range lite.foreign {
				if !slices.ContainsFunc(cascading, func(name string) bool { return strings.HasPrefix(key, name+"(") }) {
					require.Contains(t, key, "ON DELETE NO ACTION", key)
				}
			}
		})
		t.Run(name+": checks", func(t *testing.T) { require.Equal(t, pg.checks, lite.checks) })
		t.Run(name+": exclusion constraints, raised by triggers on SQLite", func(t *testing.T) {
			require.Equal(t, pg.exclusions, lite.exclusions)
		})
		t.Run(name+": indexes", func(t *testing.T) { require.Equal(t, pg.indexes, lite.indexes) })
		t.Run(name+" is STRICT on SQLite", func(t *testing.T) { require.True(t, lite.strict) })
	}
}

// TestExclusionsAreRead checks the reading functions with tables of its own. On SQLite, the triggers of the second one
// do not check updates.
func TestExclusionsAreRead(t *testing.T) {
	const columns = ` (id integer PRIMARY KEY, since integer NOT NULL, until integer NOT NULL`
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		exec := func(statement string) { require.NoError(t, db.Write(t.Context()).Exec(statement).Error) }
		read, ofVisits := readPostgres, "INSERT, UPDATE"
		if db.Engine() == database.Postgres {
			for _, name := range []string{"stays", "visits"} {
				exec(`CREATE TABLE ` + name + columns + `, CONSTRAINT ` + name + `_until_excl EXCLUDE (until WITH =),
					CONSTRAINT ` + name + `_span_excl EXCLUDE USING gist (int4range(since, until) WITH &&))`)
			}
		} else {
			read, ofVisits = readSQLite, "INSERT"
			body := func(name string) string {
				return ` BEGIN SELECT RAISE(ABORT, '` + name + `_span_excl') FROM ` + name + ` WHERE since < NEW.until;
					SELECT RAISE(ABORT, '` + name + `_until_excl') FROM ` + name + ` WHERE until = NEW.until; END`
			}
			for _, name := range []string{"stays", "visits"} {
				exec(`CREATE TABLE ` + name + columns + `) STRICT`)
				exec(`CREATE TRIGGER IF NOT EXISTS ` + name + "_a\nBEFORE INSERT ON " + name + body(name))
			}
			exec(`create trigger stays_b before update of since, until ON stays` + body("stays"))
			exec(`CREATE TRIGGER visits_b AFTER UPDATE ON visits` + body("visits"))
			exec(`CREATE TRIGGER visits_c BEFORE UPDATE ON visits
				BEGIN SELECT RAISE(ABORT, 'no visits_span_excl'); END`)
		}
		tables := read(t, db)
		stays := []string{"stays_span_excl: INSERT, UPDATE", "stays_until_excl: INSERT, UPDATE"}
		require.Equal(t, stays, tables["stays"].exclusions)
		visits := []string{"visits_span_excl: " + ofVisits, "visits_until_excl: " + ofVisits}
		require.Equal(t, visits, tables["visits"].exclusions)
		require.Empty(t, tables["audit_entries"].exclusions, "its triggers raise no name of a constraint")
	})
}

var declaration = regexp.MustCompile(`(?i)INSERT\s+INTO\s+breaking_migrations`)

// TestBreakingMigrationsDeclareThemselves checks that a row of breaking_migrations names the file that inserts it, on
// both engines.
func TestBreakingMigrationsDeclareThemselves(t *testing.T) {
	all := migrations.All()
	files, err := fs.Glob(all.Files, "*/*/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := fs.ReadFile(all.Files, file)
		require.NoError(t, err)
		require.NoError(t, checkDeclaration(file, string(text)))
	}
	t.Run("rejects a declaration of another module or version", func(t *testing.T) {
		const valid = `INSERT INTO breaking_migrations (module, version) VALUES ('identity', 7);`
		require.NoError(t, checkDeclaration("identity/sqlite/0007_x.sql", valid))
		require.Error(t, checkDeclaration("identity/sqlite/0008_x.sql", valid))
		require.Error(t, checkDeclaration("doctors/sqlite/0007_x.sql", valid))
	})
}

// checkDeclaration returns an error if the text declares a breaking migration other than its own file.
func checkDeclaration(file, text string) error {
	version, err := goose.NumericComponent(path.Base(file))
	if err != nil {
		return err
	}
	module, _, _ := strings.Cut(file, "/")
	valid := fmt.Sprintf("INSERT INTO breaking_migrations (module, version) VALUES ('%s', %d);", module, version)
	if declaration.MatchString(text) && !strings.Contains(text, valid) {
		return fmt.Errorf("%s must contain: %s", file, valid)
	}
	return nil
}
