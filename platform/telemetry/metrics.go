// Package telemetry is how the program is watched: the registry of its metrics, the address they are scraped from, and the provider of its
// traces. It knows nobody whom it watches: who has something to tell adds a collector (Collect), or asks for *Tracing. Nothing that is told
// here names a person: no path as typed, no id, no value.
package telemetry

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config is what the program's parts for watching are told.
type Config struct {
	MetricsAddress string // host:port that serves /metrics and nothing else; port 0 takes a free one; empty: no address of its own
	Traces         bool   // spans are exported, as the OTEL_* variables say
	Version        string // of the program
}

// NewRegistry is a registry of all collectors, of the Go runtime and of the process. Two collectors of one name are a defect: it panics.
func NewRegistry(cfg Config, all ...prometheus.Collector) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "healthcare_build_info", Help: "Always 1: the program's version is a label.",
			ConstLabels: prometheus.Labels{"version": cfg.Version, "go_version": runtime.Version()},
		}, func() float64 { return 1 }),
	)
	registry.MustRegister(all...)
	return registry
}

// Counter is a counter over a number that its owner keeps.
func Counter(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
}

// Gauge is a gauge over a number that its owner keeps.
func Gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

// Counters are counters told apart by one label, whose values are a closed set: all of them are there from the start, at 0.
func Counters(name, help, label string, values ...string) *prometheus.CounterVec {
	counters := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	for _, value := range values {
		counters.WithLabelValues(value)
	}
	return counters
}

// Handler answers a scrape of the registry; beyond two at once it says 503.
func Handler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 10 * time.Second})
}
