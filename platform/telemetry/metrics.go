// Package telemetry provides the registry of metrics, the server for scrapes, and tracing. It imports no package that
// it observes: packages add collectors (Collect) or receive a *Tracing. Metrics and spans contain no personal data: no
// requested path, no id and no value.
package telemetry

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config configures metrics and tracing.
type Config struct {
	MetricsAddress string // host:port of a separate server for /metrics; port 0 selects a free port; empty: none
	Traces         bool   // export spans, configured by the OTEL_* variables
	Version        string // of the program
}

// NewRegistry returns a registry of all collectors, the Go runtime and the process. It panics if two collectors have
// the same name.
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

// Counter returns a counter that reads its value from a function.
func Counter(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
}

// Gauge returns a gauge that reads its value from a function.
func Gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

// Counters returns counters with one label, initialized to 0 for each of the values.
func Counters(name, help, label string, values ...string) *prometheus.CounterVec {
	counters := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	for _, value := range values {
		counters.WithLabelValues(value)
	}
	return counters
}

// Handler serves scrapes of the registry. Of concurrent scrapes, all but two receive 503.
func Handler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 10 * time.Second})
}
