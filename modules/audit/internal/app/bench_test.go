package app_test

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/migrations"
	"healthcare/platform/database"
	"healthcare/platform/databasetest/cluster"
)

// BenchmarkRecord is what one record costs whoever waits for it alone, and in a crowd that shares commits; and what a transaction of its own for
// each would cost. commits/op says how many were shared.
func BenchmarkRecord(b *testing.B) {
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		db := fresh(b, engine)
		b.Run(fmt.Sprintf("%s/alone", engine), func(b *testing.B) {
			h := newFixture(db)
			for b.Loop() {
				require.NoError(b, h.Record(b.Context(), someone(), reading()))
			}
		})
		for _, crowd := range []int{16, 64, 256} {
			b.Run(fmt.Sprintf("%s/crowd of %d", engine, crowd), func(b *testing.B) {
				h := newFixture(db)
				b.SetParallelism(crowd) // times GOMAXPROCS
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := h.Record(b.Context(), someone(), reading()); err != nil {
							b.Error(err)
						}
					}
				})
				b.ReportMetric(float64(h.ledger.count())/float64(b.N), "commits/op")
			})
		}
		b.Run(fmt.Sprintf("%s/crowd of 64, each in a transaction of its own", engine), func(b *testing.B) {
			h := newFixture(db)
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					err := db.Do(b.Context(), func(ctx context.Context) error { return h.Record(ctx, someone(), reading()) })
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
		b.Run(fmt.Sprintf("%s/verify", engine), func(b *testing.B) {
			h := newFixture(db)
			var sound int64
			for b.Loop() {
				var err error
				sound, err = h.Verify(b.Context(), "", silent)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(sound)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// fresh is an empty, migrated database.
func fresh(b *testing.B, engine database.Engine) *database.DB {
	b.Helper()
	cfg := database.Config{
		Path: filepath.Join(b.TempDir(), "healthcare.db"), PoolSize: 8, ConnectTimeout: time.Minute, LockTimeout: time.Minute,
		StatementTimeout: time.Minute, IdleInTxTimeout: time.Minute,
	}
	open := func() *database.DB {
		db, err := database.Open(cfg, zap.NewNop())
		require.NoError(b, err)
		b.Cleanup(func() { _ = db.Close() })
		require.NoError(b, db.Connect(b.Context()))
		return db
	}
	if engine == database.Postgres {
		var err error
		cfg.URL, err = cluster.URL()
		require.NoError(b, err)
		name := "healthcare_bench_" + uuid.NewString()
		server := open()
		require.NoError(b, server.Write(b.Context()).Exec(fmt.Sprintf("CREATE DATABASE %q", name)).Error)
		b.Cleanup(func() { // after its own connections and before the server's are closed
			require.NoError(b, server.Write(context.Background()).Exec(fmt.Sprintf("DROP DATABASE %q WITH (FORCE)", name)).Error)
		})
		at, err := url.Parse(cfg.URL)
		require.NoError(b, err)
		at.Path = "/" + name
		cfg.URL = at.String()
	}
	db := open()
	_, err := db.Migrate(b.Context(), migrations.All())
	require.NoError(b, err)
	return db
}
