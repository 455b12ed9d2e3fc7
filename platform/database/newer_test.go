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

// released are the migrations of a release that has one module, and those of the next, which has one more module and this second migration.
func released(second string) (older, newer database.Migrations) {
	before, after := fstest.MapFS{}, fstest.MapFS{}
	for _, engine := range []string{"sqlite", "postgres"} {
		wards := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE wards (id text PRIMARY KEY);\n")}
		before["wards/"+engine+"/0001_wards.sql"], after["wards/"+engine+"/0001_wards.sql"] = wards, wards
		after["wards/"+engine+"/0002_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + second + "\n")}
		after["visits/"+engine+"/0001_visits.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE visits (id text PRIMARY KEY);\n")}
	}
	return database.Migrations{Files: before, Modules: []string{"wards"}}, database.Migrations{Files: after, Modules: []string{"wards", "visits"}}
}

// ofOthers are those that a newer release has applied.
func ofOthers(all []database.Migration) (unknown []database.Migration) {
	for _, m := range all {
		if m.Newer && (m.Module == "wards" || m.Module == "visits") {
			unknown = append(unknown, m)
		}
	}
	return unknown
}

func TestNewerMigrations(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		ctx := t.Context()
		db := openStore(t, cfg, zap.NewNop())
		expected := []database.Migration{
			{Module: "visits", Name: "0001", Applied: true, Newer: true}, {Module: "wards", Name: "0002", Applied: true, Newer: true},
		}
		older, newer := released(`ALTER TABLE wards ADD COLUMN floor integer;`)
		_, err := db.Migrate(ctx, newer)
		require.NoError(t, err)
		t.Run("are listed as such, those of unknown modules too", func(t *testing.T) {
			all, err := db.MigrationStatus(ctx, older)
			require.NoError(t, err)
			require.Equal(t, expected, ofOthers(all))
			all, err = db.MigrationStatus(ctx, newer)
			require.NoError(t, err)
			require.Empty(t, ofOthers(all))
		})
		t.Run("leave nothing to do for the older release, which changes nothing", func(t *testing.T) {
			applied, err := db.Migrate(ctx, older)
			require.NoError(t, err)
			require.Empty(t, applied)
		})
		t.Run("that are breaking stop the older release, and not the one that knows them", func(t *testing.T) {
			exec(t, db, `INSERT INTO breaking_migrations (module, version) VALUES ('wards', 2)`)
			_, err := db.Migrate(ctx, older)
			require.ErrorAs(t, err, new(*database.UnusableError))
			require.ErrorContains(t, err, "wards/0002")
			all, err := db.MigrationStatus(ctx, older)
			require.ErrorAs(t, err, new(*database.UnusableError))
			require.Equal(t, expected, ofOthers(all), "the list is there all the same")
			_, err = db.Migrate(ctx, newer)
			require.NoError(t, err)
		})
	})
}

// TestMigrationsThatWaitForATable has a migration need a table that a long transaction uses. SQLite has one writer, for whom it waits.
func TestMigrationsThatWaitForATable(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite's writers wait for each other")
		}
		ctx := t.Context()
		older, newer := released(`ALTER TABLE wards ADD COLUMN floor integer;`)
		db := openStore(t, cfg, zap.NewNop())
		_, err := db.Migrate(ctx, older)
		require.NoError(t, err)
		held, let, migrated := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			_ = db.Do(ctx, func(ctx context.Context) error {
				_ = db.Read(ctx).Exec(`SELECT id FROM wards`).Error
				close(held)
				<-let
				return nil
			})
		}()
		<-held
		other := openStore(t, cfg, zap.NewNop())
		go func() {
			_, err := other.Migrate(ctx, newer)
			migrated <- err
		}()
		for range 8 {
			began := time.Now()
			var ids []string
			require.NoError(t, db.Read(ctx).Raw(`SELECT id FROM wards`).Scan(&ids).Error)
			require.Less(t, time.Since(began), 900*time.Millisecond, "a request does not wait as long as the transaction lasts")
			time.Sleep(150 * time.Millisecond)
		}
		close(let)
		require.NoError(t, <-migrated)
	})
}
