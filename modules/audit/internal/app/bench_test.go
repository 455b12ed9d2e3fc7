package app_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// BenchmarkRecord is what one record costs whoever waits for it alone, and in a crowd that shares commits; and what a transaction of its own for
// each would cost. commits/op says how many were shared.
func BenchmarkRecord(b *testing.B) {
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		db := databasetest.OpenForBench(b, engine)
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
