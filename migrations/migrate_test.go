package migrations_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/migrations"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

func TestMigrateAgain(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		t.Run("applies nothing", func(t *testing.T) {
			applied, err := db.Migrate(t.Context(), migrations.All())
			require.NoError(t, err)
			require.Empty(t, applied)
		})
		t.Run("lists every migration as applied", func(t *testing.T) {
			status, err := db.MigrationStatus(t.Context(), migrations.All())
			require.NoError(t, err)
			require.NotEmpty(t, status)
			for _, one := range status {
				require.True(t, one.Applied, "%s/%s", one.Module, one.Name)
			}
		})
	})
}

// TestConcurrentMigrate starts several instances on an empty database: one migrates it while the others wait.
func TestConcurrentMigrate(t *testing.T) {
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		if cfg.URL == "" {
			t.Skip("SQLite has one instance")
		}
		var instances [3]*database.DB
		for i := range instances {
			db, err := database.Open(cfg, zap.NewNop())
			require.NoError(t, err)
			defer db.Close()
			instances[i] = db
		}
		require.NoError(t, instances[0].Write(t.Context()).Exec(`DROP SCHEMA public CASCADE`).Error)
		require.NoError(t, instances[0].Write(t.Context()).Exec(`CREATE SCHEMA public`).Error)

		var applied [len(instances)][]database.Migration
		var failed [len(instances)]error
		var all sync.WaitGroup
		for i, db := range instances {
			all.Go(func() { applied[i], failed[i] = db.Migrate(t.Context(), migrations.All()) })
		}
		all.Wait()
		for _, err := range failed {
			require.NoError(t, err)
		}
		status, err := instances[0].MigrationStatus(t.Context(), migrations.All())
		require.NoError(t, err)
		require.ElementsMatch(t, status, slices.Concat(applied[:]...), "exactly one instance applies each migration")
	})
}
