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

// BenchmarkList shows that a page costs the same wherever it lies and however long its list is, and what a search costs. BENCH_ROWS is the longest
// list.
func BenchmarkList(b *testing.B) {
	longest := sized(b, "BENCH_ROWS", 100_000)
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		for _, rows := range []int{1_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", engine, rows), func(b *testing.B) {
				if rows > longest {
					b.Skip("longer than BENCH_ROWS")
				}
				db := databasetest.OpenForBench(b, engine)
				benchmarkPages(b, db, crowd(b, db, rows, 20, 3), rows)
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
	for _, one := range []struct {
		name   string
		filter domain.Filter
		page   paging.Request
		items  int
	}{
		{"first page", domain.Filter{}, newest, newest.Limit},
		{"middle page", domain.Filter{}, middle, newest.Limit},
		{"last page", domain.Filter{}, last, newest.Limit},
		{"search that finds 1 in 5000", domain.Filter{Search: "zebra"}, newest, min(newest.Limit, (rows+4993)/5000)},
		{"search that finds all", domain.Filter{Search: "patient"}, newest, newest.Limit},
		{"search that finds none", domain.Filter{Search: "unicorn"}, newest, 0},
	} {
		b.Run(one.name, func(b *testing.B) {
			for b.Loop() {
				page, err := repository.List(b.Context(), scope, one.filter, one.page)
				require.NoError(b, err)
				require.Len(b, page.Items, one.items)
			}
		})
	}
}
