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

// cascading are the foreign keys of tables that releases before them do not know when they delete.
var cascading = []string{
	"user_mailboxes_user_id_fkey", "known_clients_user_id_fkey",
	"doctor_creators_doctor_id_fkey", "doctor_creators_user_id_fkey",
	"doctor_removals_doctor_id_fkey",
}

// TestBothEnginesHaveTheSameSchema compares what the migrations come to, read from the engines' own catalogues.
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

	t.Run("the tables", func(t *testing.T) { require.Equal(t, onPostgres.names(), onSQLite.names()) })
	t.Run("every module keeps its own record of what was applied", func(t *testing.T) {
		var want []string
		for _, module := range migrations.All().Modules {
			want = append(want, "goose_"+module)
		}
		require.ElementsMatch(t, want, bookkeeping)
	})
	for _, name := range tables {
		lite, pg := onSQLite[name], onPostgres[name]
		require.NotEmpty(t, pg.columns, "the test should have read %s", name)
		t.Run(name+": the columns, in the same order, with types that mean the same", func(t *testing.T) {
			require.Equal(t, pg.columns, lite.columns)
		})
		t.Run(name+": the primary key and the unique constraints, by the names that stores tell them apart by", func(t *testing.T) {
			require.Equal(t, pg.unique, lite.unique)
		})
		t.Run(name+": the foreign keys, which never cascade but for what older releases cannot know", func(t *testing.T) {
			require.Equal(t, pg.foreign, lite.foreign)
			for _, key := range lite.foreign {
				if !slices.ContainsFunc(cascading, func(name string) bool { return strings.HasPrefix(key, name+"(") }) {
					require.Contains(t, key, "ON DELETE NO ACTION", key)
				}
			}
		})
		t.Run(name+": the checks", func(t *testing.T) { require.Equal(t, pg.checks, lite.checks) })
		t.Run(name+": the indexes", func(t *testing.T) { require.Equal(t, pg.indexes, lite.indexes) })
		t.Run(name+" is STRICT on SQLite", func(t *testing.T) { require.True(t, lite.strict) })
	}
}

var declaration = regexp.MustCompile(`(?i)INSERT\s+INTO\s+breaking_migrations`)

// TestBreakingMigrationsDeclareThemselves has a row of breaking_migrations be about the file that inserts it, on both
// engines.
func TestBreakingMigrationsDeclareThemselves(t *testing.T) {
	all := migrations.All()
	files, err := fs.Glob(all.Files, "*/*/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := fs.ReadFile(all.Files, file)
		require.NoError(t, err)
		require.NoError(t, declares(file, string(text)))
	}
	t.Run("a declaration of another module or version is found", func(t *testing.T) {
		const right = `INSERT INTO breaking_migrations (module, version) VALUES ('identity', 7);`
		require.NoError(t, declares("identity/sqlite/0007_x.sql", right))
		require.Error(t, declares("identity/sqlite/0008_x.sql", right))
		require.Error(t, declares("doctors/sqlite/0007_x.sql", right))
	})
}

func declares(file, text string) error {
	version, err := goose.NumericComponent(path.Base(file))
	if err != nil {
		return err
	}
	module, _, _ := strings.Cut(file, "/")
	if right := fmt.Sprintf("INSERT INTO breaking_migrations (module, version) VALUES ('%s', %d);", module, version); declaration.MatchString(text) && !strings.Contains(text, right) {
		return fmt.Errorf("%s should contain: %s", file, right)
	}
	return nil
}
