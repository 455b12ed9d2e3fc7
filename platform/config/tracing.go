package config

import (
	"os"
	"strings"
)

// TracingEnabled reports whether the environment names a collector of traces. The variables are OpenTelemetry's own,
// which its SDK reads (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables), so none of them is a
// key.
func TracingEnabled() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}
