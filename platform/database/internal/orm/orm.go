// Package orm opens GORM over a connection pool, with some of its internals replaced.
//
// Stores build their statements with GORM, which also scans rows, translates errors and logs. Its general code for
// every driver and type costs more than a small query itself. Four parts are therefore replaced; the benchmarks of
// package database and of cmd/bench measure each of them. Rows are scanned straight into the fields of a row type
// (scan.go), which saves a quarter of the time of a list. The column names of a row type are quoted once instead of in
// each query (columns.go). On PostgreSQL, statements run on pgx connections without database/sql, and BEGIN is sent
// together with the first statement of a transaction (internal/postgres). On SQLite, each connection caches its
// prepared statements, which saves a third of a small query (internal/sqlite). Two further replacements do not concern
// speed: statements wait for a connection in order and for a limited time (internal/pool), and a page is limited to a
// number of bytes (budget.go). Each replacement can be removed without a change in a store.
package orm

import (
	"errors"
	"time"

	"go.uber.org/zap"
	"gorm.io/gorm"

	"healthcare/platform/database/internal/fault"
)

// Open returns GORM over a connection pool. Statements slower than slow are logged; 0 logs none. Connections cache
// prepared statements, so GORM does not.
func Open(dialector gorm.Dialector, slow time.Duration, log *zap.Logger) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true, // use cases open transactions
		TranslateError:         true, // every error passes fault.Explain
		DisableAutomaticPing:   true,
		QueryFields:            true, // for the queries that selectColumns does not change
		Logger:                 slowLog{log: log, threshold: slow},
	})
	if err != nil {
		return nil, err
	}
	do := db.Callback()
	return db, errors.Join(
		do.Query().Replace("gorm:query", query),
		// GORM translates every error except those of Rows, which Scan uses.
		do.Row().After("gorm:row").Register("healthcare:explain", func(db *gorm.DB) {
			db.Error = fault.Explain(db.Error)
		}),
		// Row types have no associations, which GORM would look for in every write.
		do.Create().Remove("gorm:save_before_associations"), do.Create().Remove("gorm:save_after_associations"),
		do.Update().Remove("gorm:save_before_associations"), do.Update().Remove("gorm:save_after_associations"),
		do.Delete().Remove("gorm:delete_before_associations"),
	)
}
