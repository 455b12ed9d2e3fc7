package database

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// poolCollectors tell of the connections of each pool, as go_sql_*: how many are open and in use, and how often one was waited for.
func poolCollectors(db *DB) []prometheus.Collector {
	names := []string{"writer", "reader"} // SQLite's
	if db.engine == Postgres {
		names = []string{"pool"}
	}
	var all []prometheus.Collector
	for i, pool := range db.pools {
		all = append(all, collectors.NewDBStatsCollector(pool, names[i]))
	}
	if db.replicas != nil {
		for i, r := range db.replicas.all {
			all = append(all, collectors.NewDBStatsCollector(r.pool, fmt.Sprint("replica", i+1)))
		}
	}
	return all
}
