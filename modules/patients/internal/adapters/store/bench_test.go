package store_test

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
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest/cluster"
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
				db := fresh(b, engine)
				benchmarkPages(b, db, crowd(b, db, rows, 20, 3), rows)
			})
		}
	}
}

func benchmarkPages(b *testing.B, db *database.DB, owner uuid.UUID, rows int) {
	repository, scope := store.New(db), patients.OwnedBy(owner)
	newest := paging.Request{Limit: 100, Order: whole.Order}
	middle, last := newest, newest
	middle.After, last.After = keyAt(b, db, owner, whole.Order, rows/2), keyAt(b, db, owner, whole.Order, rows-newest.Limit-1)
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

// fresh is an empty, migrated database.
func fresh(b *testing.B, engine database.Engine) *database.DB {
	b.Helper()
	cfg := database.Config{
		Path: filepath.Join(b.TempDir(), "healthcare.db"), PoolSize: 2, ConnectTimeout: time.Minute, LockTimeout: time.Minute,
		StatementTimeout: 10 * time.Minute, IdleInTxTimeout: 10 * time.Minute,
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
