package store

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/clock"
)

func newEnded() *prometheus.CounterVec {
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "healthcare_deliveries_total",
		Help: "Deliveries that this instance has sent, given up (dead) or found outdated or declined (cancelled).",
	}, []string{"channel", "kind", "state"})
	for channel, kinds := range map[notifications.Channel][]notifications.Kind{
		notifications.Mail: domain.Kinds(), notifications.Webhook: domain.Events(),
	} {
		for _, kind := range kinds {
			for _, state := range []notifications.State{
				notifications.Sent, notifications.Dead, notifications.Cancelled,
			} {
				ended.WithLabelValues(string(channel), string(kind), string(state))
			}
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
	all := []prometheus.Collector{s.ended}
	for _, channel := range []notifications.Channel{notifications.Mail, notifications.Webhook} {
		all = append(all, s.gauges(channel, clk)...)
	}
	return all
}

// gauges returns the metrics of what is due on a channel.
func (s *outbox) gauges(channel notifications.Channel, clk clock.Clock) []prometheus.Collector {
	const scrapeTime = 2 * time.Second
	backlog := func() (due int, since time.Time) {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
		defer cancel()
		due, since, _ = s.Backlog(ctx, channel, clk.Now(), countedDue) // 0 while the store is unavailable
		return due, since
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: name, Help: help, ConstLabels: prometheus.Labels{"channel": string(channel)},
		}, value)
	}
	return []prometheus.Collector{
		gauge("healthcare_deliveries_due", "Deliveries of the channel that are due, counted up to 1,000.",
			func() float64 { due, _ := backlog(); return float64(due) }),
		gauge("healthcare_deliveries_oldest_due_seconds",
			"How long the delivery of the channel that is due the longest has been due; 0 if none is.",
			func() float64 {
				if due, since := backlog(); due > 0 {
					return clk.Now().Sub(since).Seconds()
				}
				return 0
			}),
	}
}
