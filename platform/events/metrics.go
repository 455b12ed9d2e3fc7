package events

import "github.com/prometheus/client_golang/prometheus"

func newPublished() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "healthcare_events_published_total",
		Help: "Published events by type, including those whose transaction was rolled back.",
	}, []string{"event"})
}

func newFailures() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "healthcare_event_reactions_failed_total",
		Help: "Failed reactions to events, each of which rolled back the transaction, by event and subscriber.",
	}, []string{"event", "subscriber"})
}

// collectors returns the metrics of publisher, if New returned it.
func collectors(publisher Publisher) []prometheus.Collector {
	b, ours := publisher.(*bus)
	if !ours {
		return nil
	}
	return []prometheus.Collector{b.published, b.failed}
}
