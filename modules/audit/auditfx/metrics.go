package auditfx

import (
	"github.com/prometheus/client_golang/prometheus"

	"healthcare/modules/audit/internal/app"
	"healthcare/platform/telemetry"
)

// collectors returns the metrics of the recorder.
func collectors(recorder *app.Recorder) []prometheus.Collector {
	value := func(number func(app.Tally) int) func() float64 {
		return func() float64 { return float64(number(recorder.Tally())) }
	}
	return []prometheus.Collector{
		telemetry.Counter("healthcare_audit_entries_total",
			"Entries appended to the audit trail, including those of transactions that were rolled back.",
			value(func(t app.Tally) int { return t.Entries })),
		telemetry.Counter("healthcare_audit_groups_total",
			"Appends to the audit trail. Entries divided by appends is the average group size.",
			value(func(t app.Tally) int { return t.Groups })),
		telemetry.Counter("healthcare_audit_failures_total",
			"Appends to the audit trail that failed or were rejected because too many entries were waiting.",
			value(func(t app.Tally) int { return t.Failures })),
		telemetry.Gauge("healthcare_audit_entries_waiting", "Entries waiting for the running append.",
			value(func(t app.Tally) int { return t.Waiting })),
	}
}
