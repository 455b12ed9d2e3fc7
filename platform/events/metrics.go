package events

import "github.com/prometheus/client_golang/prometheus"

func newPublished() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "healthcare_events_published_total",
		Help: "Events that were announced, by their type. One whose transaction was undone counts too.",
	}, []string{"event"})
}

func newFailures() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "healthcare_event_reactions_failed_total",
		Help: "Reactions that failed, and so undid what was announced, by the event and the module that reacts.",
	}, []string{"event", "subscriber"})
}

// collectors returns the metrics of a Publisher that New returned.
func collectors(publisher Publisher) []prometheus.Collector {
	b, ours := publisher.(*bus)
	if !ours {
		return nil
	}
	return []prometheus.Collector{b.published, b.failed}
}
