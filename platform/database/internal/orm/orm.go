// Package orm opens GORM over a connection pool, with some of its internals replaced.
//
// GORM remains the way to write queries: stores build statements with it, and it scans, translates and logs. It does
// that for every driver and every type, which costs more than a small query itself. Four parts are therefore replaced,
// each measured with the benchmarks of package database and of cmd/bench. Rows are scanned straight into the fields of
// a row type (scan.go), which saves a quarter of the time of a list. The names of the columns of a row type are quoted
// once and not in each query (columns.go). On PostgreSQL statements run on pgx's connections without database/sql
// between them, and BEGIN travels with the first statement of a transaction (internal/postgres). On SQLite each
// connection caches its prepared statements, which saves a third of a small query (internal/sqlite). Two further
// replacements are not about speed: a connection is waited for in order and within a limit (internal/pool), and the
// rows of a page end at a budget of bytes (budget.go). Any of them can be removed without a change in a store.
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
		QueryFields:            true, // for the queries that selectColumns leaves alone
		Logger:                 slowLog{log: log, threshold: slow},
	})
	if err != nil {
		return nil, err
	}
	do := db.Callback()
	return db, errors.Join(
		do.Query().Replace("gorm:query", query),
		// GORM translates every error but that of Rows, on which Scan is built.
		do.Row().After("gorm:row").Register("healthcare:explain", func(db *gorm.DB) {
			db.Error = fault.Explain(db.Error)
		}),
		// Rows have no associations, which GORM looks for in every write.
		do.Create().Remove("gorm:save_before_associations"), do.Create().Remove("gorm:save_after_associations"),
		do.Update().Remove("gorm:save_before_associations"), do.Update().Remove("gorm:save_after_associations"),
		do.Delete().Remove("gorm:delete_before_associations"),
	)
}
