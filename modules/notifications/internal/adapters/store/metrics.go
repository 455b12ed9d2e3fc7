package store

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/telemetry"
)

func newEnded() *prometheus.CounterVec {
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "healthcare_deliveries_total",
		Help: "Deliveries that this instance has sent, given up (dead) or found outdated or declined (cancelled).",
	}, []string{"kind", "state"})
	for _, kind := range domain.Kinds() {
		for _, state := range []notifications.State{notifications.Sent, notifications.Dead, notifications.Cancelled} {
			ended.WithLabelValues(string(kind), string(state))
		}
	}
	return ended
}

// countedDue is the number up to which deliveries that are due are counted.
const countedDue = 1000

// Collectors returns the metrics of the outbox, which New counts.
func Collectors(counted ports.Outbox, clk clock.Clock) []prometheus.Collector {
	s, ours := counted.(*outbox)
	if !ours {
		return nil
	}
	const scrapeTime = 2 * time.Second
	backlog := func() (due int, since time.Time) {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
		defer cancel()
		due, since, _ = s.Backlog(ctx, notifications.Mail, clk.Now(), countedDue) // 0 while the store is unavailable
		return due, since
	}
	return []prometheus.Collector{
		s.ended,
		telemetry.Gauge("healthcare_deliveries_due", "Deliveries by mail that are due, counted up to 1,000.",
			func() float64 { due, _ := backlog(); return float64(due) }),
		telemetry.Gauge("healthcare_deliveries_oldest_due_seconds",
			"How long the delivery by mail that is due the longest has been due; 0 if none is.",
			func() float64 {
				if due, since := backlog(); due > 0 {
					return clk.Now().Sub(since).Seconds()
				}
				return 0
			}),
	}
}
