package config_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

// A key is declared twice: as a field, with its type and its valid values, and in configs/default.yaml, with its
// default and its meaning.
func TestEveryKeyIsAFieldAndIsDocumented(t *testing.T) {
	fields := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		fields[f.Tag.Get("koanf")] = true
	}
	documented := map[string]bool{}
	for _, key := range config.Keys() {
		documented[key.Name] = true
		require.NotEmpty(t, key.Text, "%s has no comment in default.yaml", key.Name)
	}
	require.Equal(t, documented, fields)
	require.Len(t, defaults(t), len(documented))
}

func TestKeys(t *testing.T) {
	all := map[string]config.Key{}
	for _, key := range config.Keys() {
		all[key.Name] = key
	}
	require.Equal(t, config.Key{
		Name:    "http_address",
		Default: "127.0.0.1:8000",
		Text: "host:port to listen on. Port 0 selects a free port. " +
			"If it is not set, the variable PORT (a number) means :PORT.",
	}, all["http_address"])
	require.Equal(t, "host:port to listen on", all["http_address"].Summary())
	require.Equal(t, "HTTP_ADDRESS", all["http_address"].Variable())
	require.Equal(
		t,
		config.Key{
			Name: "debug", Default: "false",
			Text: "Readable logs at level debug; false: text on a terminal, JSON elsewhere.",
		},
		all["debug"],
	)
	require.Empty(t, all["secret_key"].Default)
	require.Empty(t, all["allowed_hosts"].Default)
}

func TestReadmeHasTheDefaults(t *testing.T) {
	defaults := map[string]string{"PORT": "", "CONFIG_FILE": ""}
	for _, key := range config.Keys() {
		defaults[key.Variable()] = key.Default
	}
	readme, err := os.ReadFile("../../configs/README.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([^|]+) \\|").FindAllStringSubmatch(string(readme), -1)
	require.Greater(t, len(rows), 20)
	for _, row := range rows {
		variable, cell := row[1], row[2]
		require.Contains(t, defaults, variable)
		if want := defaults[variable]; want != "" {
			require.Equal(t, want, strings.NewReplacer("`", "", ",", "").Replace(cell), variable)
		} else {
			require.NotRegexp(t, "^[`0-9]", cell, "%s has no default value", variable)
		}
	}
}
