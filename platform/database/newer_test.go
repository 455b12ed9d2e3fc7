package database_test

import (
	"context"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// releases returns the migrations of a release with one module and of the next release, which has a second module and a
// second migration.
func releases(second string) (older, newer database.Migrations) {
	before, after := fstest.MapFS{}, fstest.MapFS{}
	for _, engine := range []string{"sqlite", "postgres"} {
		wards := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE wards (id text PRIMARY KEY);\n")}
		before["wards/"+engine+"/0001_wards.sql"], after["wards/"+engine+"/0001_wards.sql"] = wards, wards
		after["wards/"+engine+"/0002_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + second + "\n")}
		visits := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE visits (id text PRIMARY KEY);\n")}
		after["visits/"+engine+"/0001_visits.sql"] = visits
	}
	return database.Migrations{Files: before, Modules: []string{"wards"}},
		database.Migrations{Files: after, Modules: []string{"wards", "visits"}}
}

// newerOf returns the migrations of the two modules that only the newer release has.
func newerOf(all []database.Migration) (newer []database.Migration) {
	for _, m := range all {
		if m.Newer && (m.Module == "wards" || m.Module == "visits") {
			newer = append(newer, m)
		}
	}
	return newer
}

func TestNewerMigrations(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		ctx := t.Context()
		db := openStore(t, cfg, zap.NewNop())
		expected := []database.Migration{
			{Module: "visits", Name: "0001", Applied: true, Newer: true},
			{Module: "wards", Name: "0002", Applied: true, Newer: true},
		}
		older, newer := releases(`ALTER TABLE wards ADD COLUMN floor integer;`)
		_, err := db.Migrate(ctx, newer)
		require.NoError(t, err)
		t.Run("are listed, including those of unknown modules", func(t *testing.T) {
			all, err := db.MigrationStatus(ctx, older)
			require.NoError(t, err)
			require.Equal(t, expected, newerOf(all))
			all, err = db.MigrationStatus(ctx, newer)
			require.NoError(t, err)
			require.Empty(t, newerOf(all))
		})
		t.Run("leave the older release nothing to apply", func(t *testing.T) {
			applied, err := db.Migrate(ctx, older)
			require.NoError(t, err)
			require.Empty(t, applied)
		})
		t.Run("that are breaking stop the older release, but not the newer one", func(t *testing.T) {
			exec(t, db, `INSERT INTO breaking_migrations (module, version) VALUES ('wards', 2)`)
			_, err := db.Migrate(ctx, older)
			require.ErrorAs(t, err, new(*database.UnusableError))
			require.ErrorContains(t, err, "wards/0002")
			all, err := db.MigrationStatus(ctx, older)
			require.ErrorAs(t, err, new(*database.UnusableError))
			require.Equal(t, expected, newerOf(all), "the list should be returned with the error")
			_, err = db.Migrate(ctx, newer)
			require.NoError(t, err)
		})
	})
}

// TestMigrationsWaitForTables verifies that a migration of a table that a long transaction uses does not block
// requests.
func TestMigrationsWaitForTables(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite's writers wait for each other")
		}
		ctx := t.Context()
		older, newer := releases(`ALTER TABLE wards ADD COLUMN floor integer;`)
		db := openStore(t, cfg, zap.NewNop())
		_, err := db.Migrate(ctx, older)
		require.NoError(t, err)
		locked, release, migrated := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			_ = db.Do(ctx, func(ctx context.Context) error {
				_ = db.Read(ctx).Exec(`SELECT id FROM wards`).Error
				close(locked)
				<-release
				return nil
			})
		}()
		<-locked
		other := openStore(t, cfg, zap.NewNop())
		go func() {
			_, err := other.Migrate(ctx, newer)
			migrated <- err
		}()
		for range 8 {
			start := time.Now()
			var ids []string
			require.NoError(t, db.Read(ctx).Raw(`SELECT id FROM wards`).Scan(&ids).Error)
			require.Less(t, time.Since(start), 900*time.Millisecond, "a request should not wait for the transaction")
			time.Sleep(150 * time.Millisecond)
		}
		close(release)
		require.NoError(t, <-migrated)
	})
}
