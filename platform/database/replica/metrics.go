package replica

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Collectors returns the metrics of each replica and its pool.
func (s *Set) Collectors() (all []prometheus.Collector) {
	if s == nil {
		return nil
	}
	for i, m := range s.members {
		name := fmt.Sprint("replica", i+1)
		all = append(append(all, collectors.NewDBStatsCollector(m.pool, name)), m.collectors(name)...)
	}
	return all
}

func (m *member) collectors(name string) []prometheus.Collector {
	labels := prometheus.Labels{"db_name": name}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "healthcare_replica_in_use", ConstLabels: labels, Help: "1 while the replica may serve plain reads.",
		}, func() float64 {
			if m.inUse() == nil {
				return 0
			}
			return 1
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "healthcare_replica_requests_total", ConstLabels: labels,
			Help: "Requests that read from the replica.",
		}, func() float64 { return float64(m.requests.Load()) }),
	}
}
