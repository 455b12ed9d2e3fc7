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

// migrations returns the migrations of two modules for both engines. The second module refers to the first and has a
// second migration unless it is empty.
func migrations(second string) database.Migrations {
	files := fstest.MapFS{}
	for _, engine := range []string{"sqlite", "postgres"} {
		for name, sql := range map[string]string{
			"wards/" + engine + "/0001_wards.sql": `CREATE TABLE wards (id text PRIMARY KEY);`,
			"beds/" + engine + "/0001_beds.sql": `CREATE TABLE beds (
				id text PRIMARY KEY, ward text REFERENCES wards (id));`,
			"beds/" + engine + "/0002_more.sql": second,
		} {
			if sql == "" {
				continue
			}
			files[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql + "\n")}
		}
	}
	return database.Migrations{Files: files, Modules: []string{"wards", "beds"}}
}

// TestConcurrentMigrate verifies that of several instances that start together one applies a slow migration while the
// others wait.
func TestConcurrentMigrate(t *testing.T) {
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
		require.Len(t, slices.Concat(applied[:]...), 1, "exactly one instance should have applied the migration")
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		good := migrations(`ALTER TABLE beds ADD COLUMN floor integer;`)
		broken := migrations(`CREATE TABLE half (id text PRIMARY KEY); CREATE TABLE half (id text PRIMARY KEY);`)

		t.Run("lists all as pending in a new store", func(t *testing.T) {
			status, err := db.MigrationStatus(ctx, good)
			require.NoError(t, err)
			// The template of the store has the migrations of the program.
			status = slices.DeleteFunc(status, func(m database.Migration) bool { return m.Newer })
			require.Equal(t, []database.Migration{
				{Module: "wards", Name: "0001_wards.sql"},
				{Module: "beds", Name: "0001_beds.sql"},
				{Module: "beds", Name: "0002_more.sql"},
			}, status)
		})
		t.Run("names and rolls back a failed migration, and keeps earlier ones", func(t *testing.T) {
			applied, err := db.Migrate(ctx, broken)
			require.ErrorContains(t, err, "beds: migration 0002_more.sql: ")
			require.Equal(t, []database.Migration{
				{Module: "wards", Name: "0001_wards.sql", Applied: true},
				{Module: "beds", Name: "0001_beds.sql", Applied: true},
			}, applied)
			half := db.Read(ctx).Raw(`SELECT * FROM half`)
			require.Error(t, half.Scan(&[]string{}).Error, "the first half should be rolled back")
			require.NoError(t, db.Read(ctx).Raw(`SELECT id FROM beds`).Scan(&[]string{}).Error)
		})
		t.Run("applies the rest, and then nothing", func(t *testing.T) {
			applied, err := db.Migrate(ctx, good)
			require.NoError(t, err)
			require.Equal(t, []database.Migration{{Module: "beds", Name: "0002_more.sql", Applied: true}}, applied)
			applied, err = db.Migrate(ctx, good)
			require.NoError(t, err)
			require.Empty(t, applied)
		})
		t.Run("leaves a working store", func(t *testing.T) {
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
				return db.Write(ctx).Exec(`INSERT INTO wards (id) VALUES ('a')`).Error
			}))
		})
		t.Run("returns an error that names a module without files", func(t *testing.T) {
			_, err := db.Migrate(ctx, database.Migrations{Files: fstest.MapFS{}, Modules: []string{"missing"}})
			require.ErrorContains(t, err, "missing: ")
		})
	})
}
