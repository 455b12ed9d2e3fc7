package auditfx

import (
	"github.com/prometheus/client_golang/prometheus"

	"healthcare/modules/audit/internal/app"
	"healthcare/platform/telemetry"
)

// collectors tell how the trail keeps up.
func collectors(recorder *app.Recorder) []prometheus.Collector {
	of := func(number func(app.Tally) int) func() float64 {
		return func() float64 { return float64(number(recorder.Tally())) }
	}
	return []prometheus.Collector{
		telemetry.Counter("healthcare_audit_entries_total", "Entries that were appended to the audit trail. Those of a transaction that was undone count too.",
			of(func(t app.Tally) int { return t.Entries })),
		telemetry.Counter("healthcare_audit_groups_total", "Appends to the audit trail: entries by appends is how many share one.",
			of(func(t app.Tally) int { return t.Groups })),
		telemetry.Counter("healthcare_audit_failures_total", "Appends to the audit trail that failed, and records for which there was no room: what they were about was not served.",
			of(func(t app.Tally) int { return t.Failures })),
		telemetry.Gauge("healthcare_audit_entries_waiting", "Entries that wait for the append that runs.", of(func(t app.Tally) int { return t.Waiting })),
	}
}
