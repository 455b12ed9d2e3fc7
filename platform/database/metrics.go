package database

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// poolCollectors returns the metrics of each pool, go_sql_*: open and used connections, waits for a connection.
func poolCollectors(db *DB) []prometheus.Collector {
	names := []string{"writer", "reader"} // of SQLite
	if db.engine == Postgres {
		names = []string{"pool"}
	}
	var all []prometheus.Collector
	for i, pool := range db.pools {
		all = append(all, collectors.NewDBStatsCollector(pool, names[i]))
	}
	return append(all, db.replicas.Collectors()...)
}
