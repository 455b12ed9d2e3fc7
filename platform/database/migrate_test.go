package database_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// migrations are those of two modules, for both engines: the second refers to the first. The last one is as given, or missing.
func migrations(second string) database.Migrations {
	files := fstest.MapFS{}
	for _, engine := range []string{"sqlite", "postgres"} {
		for name, sql := range map[string]string{
			"wards/" + engine + "/0001_wards.sql": `CREATE TABLE wards (id text PRIMARY KEY);`,
			"beds/" + engine + "/0001_beds.sql":   `CREATE TABLE beds (id text PRIMARY KEY, ward text REFERENCES wards (id));`,
			"beds/" + engine + "/0002_more.sql":   second,
		} {
			if sql == "" {
				continue
			}
			files[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql + "\n")}
		}
	}
	return database.Migrations{Files: files, Modules: []string{"wards", "beds"}}
}

// TestMigrateTogether has instances that start at once find a migration that takes its time: one applies it while the others wait.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite serves one instance")
		}
		_, err := openStore(t, cfg, zap.NewNop()).Migrate(t.Context(), migrations(""))
		require.NoError(t, err)
		slow := migrations(`SELECT pg_sleep(0.3); ALTER TABLE beds ADD COLUMN floor integer;`)
		var applied [2][]database.Migration
		var failed [len(applied)]error
		var all sync.WaitGroup
		for i := range applied {
			db := openStore(t, cfg, zap.NewNop())
			all.Go(func() { applied[i], failed[i] = db.Migrate(t.Context(), slow) })
		}
		all.Wait()
		require.Equal(t, [len(applied)]error{}, failed)
		require.Len(t, slices.Concat(applied[:]...), 1, "the migration should have been applied by exactly one of them")
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		good := migrations(`ALTER TABLE beds ADD COLUMN floor integer;`)
		broken := migrations(`CREATE TABLE half (id text PRIMARY KEY); CREATE TABLE half (id text PRIMARY KEY);`)

		t.Run("is pending at first", func(t *testing.T) {
			status, err := db.MigrationStatus(ctx, good)
			require.NoError(t, err)
			status = slices.DeleteFunc(status, func(m database.Migration) bool { return m.Newer }) // the modules of the program
			require.Equal(t, []database.Migration{
				{Module: "wards", Name: "0001_wards.sql"}, {Module: "beds", Name: "0001_beds.sql"}, {Module: "beds", Name: "0002_more.sql"},
			}, status)
		})
		t.Run("keeps what came before the migration that failed, which it names and undoes", func(t *testing.T) {
			applied, err := db.Migrate(ctx, broken)
			require.ErrorContains(t, err, "beds: migration 0002_more.sql: ")
			require.Equal(t, []database.Migration{
				{Module: "wards", Name: "0001_wards.sql", Applied: true}, {Module: "beds", Name: "0001_beds.sql", Applied: true},
			}, applied)
			require.Error(t, db.Read(ctx).Raw(`SELECT * FROM half`).Scan(&[]string{}).Error, "the first half should be undone")
			require.NoError(t, db.Read(ctx).Raw(`SELECT id FROM beds`).Scan(&[]string{}).Error)
		})
		t.Run("goes on from there, and then has nothing left to do", func(t *testing.T) {
			applied, err := db.Migrate(ctx, good)
			require.NoError(t, err)
			require.Equal(t, []database.Migration{{Module: "beds", Name: "0002_more.sql", Applied: true}}, applied)
			applied, err = db.Migrate(ctx, good)
			require.NoError(t, err)
			require.Empty(t, applied)
		})
		t.Run("leaves a store that works", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
				return db.Write(ctx).Exec(`INSERT INTO wards (id) VALUES ('a')`).Error
			}))
		})
		t.Run("of a module without files is an error that names it", func(t *testing.T) {
			_, err := db.Migrate(ctx, database.Migrations{Files: fstest.MapFS{}, Modules: []string{"lost"}})
			require.ErrorContains(t, err, "lost: ")
		})
	})
}
