package migrations_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
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

// TestMigrateWithoutTheRightToCreateExtensions migrates as a role that owns the schema, but may not create extensions,
// before and after an administrator has created the one without which appointments could overlap.
func TestMigrateWithoutTheRightToCreateExtensions(t *testing.T) {
	t.Parallel()
	cfg := databasetest.PostgresWith(t, "TEMPLATE template0")
	admin, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close() })
	exec := func(statement string) { require.NoError(t, admin.Write(t.Context()).Exec(statement).Error) }
	role := "healthcare_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	exec("CREATE ROLE " + role)
	t.Cleanup(func() { // not t.Context, which has ended
		for _, statement := range []string{"DROP OWNED BY " + role + " CASCADE", "DROP ROLE " + role} {
			require.NoError(t, admin.Write(context.Background()).Exec(statement).Error)
		}
	})
	exec("ALTER SCHEMA public OWNER TO " + role)
	var name string
	require.NoError(t, admin.Read(t.Context()).Raw("SELECT current_database()").Scan(&name).Error)
	exec("ALTER DATABASE " + name + " SET role = " + role) // of later sessions
	restricted, err := database.Open(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = restricted.Close() })

	_, err = restricted.Migrate(t.Context(), migrations.All())
	require.ErrorContains(t, err, "run CREATE EXTENSION btree_gist in this database")
	exec("SET ROLE NONE; CREATE EXTENSION btree_gist")
	_, err = restricted.Migrate(t.Context(), migrations.All())
	require.NoError(t, err)
	pending, err := restricted.Migrate(t.Context(), migrations.All())
	require.NoError(t, err)
	require.Empty(t, pending)
}
