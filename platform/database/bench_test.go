package database_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// benchRow has the columns of a typical module's row.
type benchRow struct {
	ID         uuid.UUID
	OwnerID    uuid.UUID
	Name       string
	Age        *int
	Email      string
	SearchText string
	Version    int
	CreatedAt  database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt  database.Time `gorm:"autoUpdateTime:false"`
}

func (benchRow) TableName() string { return "bench_rows" }

func newBenchRow(owner uuid.UUID) benchRow {
	at := database.At(time.Date(2026, time.November, 28, 12, 0, 0, 0, time.UTC))
	return benchRow{
		ID: uuid.Must(uuid.NewV7()), OwnerID: owner, Name: "Ananya Verma", Age: new(31), Email: "ananya@example.com",
		SearchText: "ananya verma", Version: 1, CreatedAt: at, UpdatedAt: at,
	}
}

// BenchmarkStatements measures the statements of most requests, in time and in allocations.
func BenchmarkStatements(b *testing.B) {
	databasetest.EachBench(b, func(b *testing.B, db *database.DB) {
		ids, times := "text", "text"
		if db.Engine() == database.Postgres {
			ids, times = "uuid", "timestamptz"
		}
		exec(b, db, `CREATE TABLE bench_rows (id `+ids+` PRIMARY KEY, owner_id `+ids+` NOT NULL,
			name text NOT NULL, age integer, email text NOT NULL,
			search_text text NOT NULL, version integer NOT NULL,
			created_at `+times+` NOT NULL,
			updated_at `+times+` NOT NULL)`)
		exec(b, db, `CREATE INDEX bench_rows_idx ON bench_rows (owner_id, created_at, id)`)
		owner := uuid.New()
		var rows []benchRow
		for range 200 {
			rows = append(rows, newBenchRow(owner))
		}
		require.NoError(b, db.Write(b.Context()).Create(&rows).Error)
		columns := database.Columns[benchRow]{
			"created_at": func(r benchRow) any { return r.CreatedAt }, "id": func(r benchRow) any { return r.ID },
		}
		request := paging.Request{Limit: 50, Order: []paging.Order{{Column: "created_at"}, {Column: "id"}}}

		b.Run("read by id", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var r benchRow
				q := db.Read(b.Context()).Where("owner_id = ?", owner).Where("id = ?", rows[0].ID)
				require.NoError(b, q.Take(&r).Error)
			}
		})
		b.Run("list", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := database.Page(db.Read(b.Context()).Where("owner_id = ?", owner), request, columns)
				require.NoError(b, err)
			}
		})
		b.Run("update", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := rows[0]
				q := db.Write(b.Context()).Where("id = ?", r.ID)
				require.NoError(b, database.Update(q, &r, "id", "owner_id", "created_at"))
			}
		})
		b.Run("create", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := newBenchRow(uuid.New())
				require.NoError(b, db.Write(b.Context()).Create(&r).Error)
			}
		})
	})
}

// BenchmarkTransactions measures transactions of two inserts, by a lone writer and by 16 at the same time.
func BenchmarkTransactions(b *testing.B) {
	databasetest.EachBench(b, func(b *testing.B, db *database.DB) {
		exec(b, db, `CREATE TABLE things (id text PRIMARY KEY, n integer NOT NULL)`)
		for _, writers := range []int{1, 16} {
			b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
				var left atomic.Int64
				left.Store(int64(b.N))
				var all sync.WaitGroup
				for range writers {
					all.Go(func() {
						for left.Add(-1) >= 0 {
							if err := db.Do(b.Context(), func(ctx context.Context) error {
								return errors.Join(add(ctx, db, uuid.NewString()), add(ctx, db, uuid.NewString()))
							}); err != nil {
								b.Error(err)
							}
						}
					})
				}
				all.Wait()
			})
		}
	})
}
