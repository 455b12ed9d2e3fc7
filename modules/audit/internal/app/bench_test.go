package app_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/app"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// BenchmarkRecord measures single records, parallel records that share commits, and parallel records in separate
// transactions. It reports commits per record as commits/op.
func BenchmarkRecord(b *testing.B) {
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		db := databasetest.OpenForBench(b, engine)
		b.Run(fmt.Sprintf("%s/single", engine), func(b *testing.B) {
			h := newFixture(db)
			for b.Loop() {
				require.NoError(b, h.Record(b.Context(), newStaff(), reading()))
			}
		})
		for _, parallel := range []int{16, 64, 256} {
			b.Run(fmt.Sprintf("%s/%d in parallel", engine, parallel), func(b *testing.B) {
				h := newFixture(db)
				b.SetParallelism(parallel) // times GOMAXPROCS
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := h.Record(b.Context(), newStaff(), reading()); err != nil {
							b.Error(err)
						}
					}
				})
				b.ReportMetric(float64(h.segments.count())/float64(b.N), "commits/op")
			})
		}
		b.Run(fmt.Sprintf("%s/64 in parallel, each in its own transaction", engine), func(b *testing.B) {
			h := newFixture(db)
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					err := db.Do(b.Context(), func(ctx context.Context) error {
						return h.Record(ctx, newStaff(), reading())
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
		b.Run(fmt.Sprintf("%s/verify", engine), func(b *testing.B) {
			h := newFixture(db)
			require.NoError(b, h.sealing.Flush(b.Context()))
			var report app.Report
			for b.Loop() {
				var err error
				report, err = h.Verify(b.Context(), "", noProgress)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(report.Entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
