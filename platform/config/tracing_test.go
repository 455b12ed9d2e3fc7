package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestTracingEnabled(t *testing.T) {
	const (
		everywhere = "OTEL_EXPORTER_OTLP_ENDPOINT"
		traces     = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
		off        = "OTEL_SDK_DISABLED"
		exporter   = "OTEL_TRACES_EXPORTER"
	)
	for name, c := range map[string]struct {
		variables map[string]string
		enabled   bool
	}{
		"nothing set":                      {nil, false},
		"a collector":                      {map[string]string{everywhere: "http://c:4318"}, true},
		"a collector of traces":            {map[string]string{traces: "http://c:4318/v1/traces"}, true},
		"switched off":                     {map[string]string{everywhere: "http://c:4318", off: "TRUE"}, false},
		"a collector without traces":       {map[string]string{everywhere: "http://c:4318", exporter: "none"}, false},
		"a collector and its exporter":     {map[string]string{everywhere: "http://c:4318", exporter: "otlp"}, true},
		"not switched off":                 {map[string]string{everywhere: "http://c:4318", off: "false"}, true},
		"an exporter without a collector":  {map[string]string{exporter: "otlp"}, false},
		"switched off without a collector": {map[string]string{off: "true"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{everywhere, traces, off, exporter} {
				t.Setenv(variable, c.variables[variable])
			}
			require.Equal(t, c.enabled, config.TracingEnabled())
		})
	}
}
