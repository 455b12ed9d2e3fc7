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
			name := fmt.Sprint("replica", i+1)
			all = append(append(all, collectors.NewDBStatsCollector(r.pool, name)), r.collectors(name)...)
		}
	}
	return all
}

// collectors tell whether the replica is in use, and how many requests it took reads from the primary for.
func (r *replica) collectors(name string) []prometheus.Collector {
	labels := prometheus.Labels{"db_name": name}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "healthcare_replica_in_use", ConstLabels: labels, Help: "1 while plain reads may go to the replica.",
		}, func() float64 {
			if r.inUse() == nil {
				return 0
			}
			return 1
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "healthcare_replica_requests_total", ConstLabels: labels, Help: "Requests whose reads the replica was asked for.",
		}, func() float64 { return float64(r.requests.Load()) }),
	}
}
