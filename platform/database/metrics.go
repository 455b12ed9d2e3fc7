package database

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// poolCollectors returns the metrics of each pool as go_sql_*: how many connections are open and in use, and how often one
// was waited for.
func poolCollectors(db *DB) []prometheus.Collector {
	names := []string{"writer", "reader"} // SQLite's
	if db.engine == Postgres {
		names = []string{"pool"}
	}
	var all []prometheus.Collector
	for i, pool := range db.pools {
		all = append(all, collectors.NewDBStatsCollector(pool, names[i]))
	}
	return append(all, db.replicas.Collectors()...)
}
