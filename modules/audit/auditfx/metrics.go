package auditfx

import (
	"github.com/prometheus/client_golang/prometheus"

	"healthcare/modules/audit/internal/app"
	"healthcare/platform/telemetry"
)

// collectors returns the metrics of recording and of sealing.
func collectors(recorder *app.Recorder, sealing *app.Sealing) []prometheus.Collector {
	value := func(number func(app.Tally) int) func() float64 {
		return func() float64 { return float64(number(recorder.Tally())) }
	}
	sealed := func(number func(app.SealingTally) float64) func() float64 {
		return func() float64 { return number(sealing.Tally()) }
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
		telemetry.Gauge("healthcare_audit_unsealed_entries", "Entries of the audit trail that are not sealed yet.",
			sealed(func(t app.SealingTally) float64 { return float64(t.UnsealedEntries) })),
		telemetry.Gauge("healthcare_audit_unsealed_seconds",
			"Time since the audit trail has entries that are not sealed. More than 60 means that sealing fails.",
			sealed(func(t app.SealingTally) float64 { return t.UnsealedFor.Seconds() })),
		telemetry.Counter("healthcare_audit_segments_total", "Segments of the audit trail sealed by this instance.",
			sealed(func(t app.SealingTally) float64 { return float64(t.Segments) })),
		telemetry.Counter("healthcare_audit_seal_failures_total", "Attempts to seal a segment that failed.",
			sealed(func(t app.SealingTally) float64 { return float64(t.Failures) })),
		telemetry.Counter("healthcare_audit_checkpoint_failures_total",
			"Attempts to write a checkpoint that failed. Each is repeated a second later.",
			sealed(func(t app.SealingTally) float64 { return float64(t.Unwritten) })),
		telemetry.Counter("healthcare_audit_set_aside_total",
			"Batches that were set aside because they were changed or repeated: the trail was tampered with.",
			sealed(func(t app.SealingTally) float64 { return float64(t.Aside) })),
		telemetry.Counter("healthcare_audit_missing_total",
			"Batches that were committed and removed before they were sealed: the trail was tampered with.",
			sealed(func(t app.SealingTally) float64 { return float64(t.Missing) })),
		telemetry.Counter("healthcare_audit_clock_jumps_total",
			"Jumps of the clock that this instance noticed, its own and those in segments.",
			sealed(func(t app.SealingTally) float64 { return float64(t.Jumps) })),
	}
}
