package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestTracedWhereACollectorIsNamed(t *testing.T) {
	const everywhere, traces, off, exporter = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"
	for name, c := range map[string]struct {
		said   map[string]string
		traced bool
	}{
		"nothing said":             {nil, false},
		"a collector":              {map[string]string{everywhere: "http://c:4318"}, true},
		"a collector of traces":    {map[string]string{traces: "http://c:4318/v1/traces"}, true},
		"switched off":             {map[string]string{everywhere: "http://c:4318", off: "TRUE"}, false},
		"a collector of the rest":  {map[string]string{everywhere: "http://c:4318", exporter: "none"}, false},
		"a collector, said twice":  {map[string]string{everywhere: "http://c:4318", exporter: "otlp"}, true},
		"not switched off":         {map[string]string{everywhere: "http://c:4318", off: "false"}, true},
		"an exporter to nowhere":   {map[string]string{exporter: "otlp"}, false},
		"switched off, and nobody": {map[string]string{off: "true"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{everywhere, traces, off, exporter} {
				t.Setenv(variable, c.said[variable])
			}
			require.Equal(t, c.traced, config.TracingEnabled())
		})
	}
}
