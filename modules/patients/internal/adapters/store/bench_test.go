package store_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// BenchmarkList measures pages and searches. A page costs the same at every position of a list and for every length.
// BENCH_ROWS sets the length of the longest list.
func BenchmarkList(b *testing.B) {
	longest := sizeFromEnv(b, "BENCH_ROWS", 100_000)
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		for _, rows := range []int{1_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", engine, rows), func(b *testing.B) {
				if rows > longest {
					b.Skip("more rows than BENCH_ROWS")
				}
				db := databasetest.OpenForBench(b, engine)
				benchmarkPages(b, db, insertPatients(b, db, rows, 20, 3), rows)
			})
		}
	}
}

func benchmarkPages(b *testing.B, db *database.DB, owner uuid.UUID, rows int) {
	repository, scope := store.New(db), patients.OwnedBy(owner)
	newest := paging.Request{Limit: 100, Order: newestFirst.Order}
	middle, last := newest, newest
	stored := func() *gorm.DB { return db.Read(b.Context()).Table("patients").Where("owner_id = ?", owner) }
	middle.After = databasetest.KeyAt(b, stored(), newest.Order, rows/2)
	last.After = databasetest.KeyAt(b, stored(), newest.Order, rows-newest.Limit-1)
	for _, bench := range []struct {
		name   string
		filter domain.Filter
		page   paging.Request
		items  int
	}{
		{"first page", domain.Filter{}, newest, newest.Limit},
		{"middle page", domain.Filter{}, middle, newest.Limit},
		{"last page", domain.Filter{}, last, newest.Limit},
		{
			"search with 1 match in 5000", domain.Filter{Search: "zebra"}, newest,
			min(newest.Limit, (rows+4993)/5000),
		},
		{"search that matches all", domain.Filter{Search: "patient"}, newest, newest.Limit},
		{"search without a match", domain.Filter{Search: "unicorn"}, newest, 0},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				page, err := repository.List(b.Context(), scope, bench.filter, bench.page)
				require.NoError(b, err)
				require.Len(b, page.Items, bench.items)
			}
		})
	}
}
