package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/stretchr/testify/require"

	"healthcare/configs"
	"healthcare/platform/config"
)

// setVariables sets the given variables (name, value, name, value …) and empties all other configuration variables.
func setVariables(t *testing.T, pairs ...string) {
	t.Helper()
	t.Setenv("CONFIG_FILE", "")
	t.Setenv("PORT", "")
	for key := range defaults(t) {
		for _, name := range []string{strings.ToUpper(key), strings.ToUpper(key) + "_FILE", key} {
			t.Setenv(name, "")
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
}

// defaults returns the content of configs/default.yaml.
func defaults(t *testing.T) map[string]any {
	t.Helper()
	all, err := yaml.Parser().Unmarshal(configs.Default)
	require.NoError(t, err)
	return all
}

// load returns the configuration with the given variables.
func load(t *testing.T, pairs ...string) config.Config {
	t.Helper()
	setVariables(t, pairs...)
	c, err := config.Load()
	require.NoError(t, err)
	return c
}

// loadError returns the error of the configuration with the given variables, which must be one line.
func loadError(t *testing.T, pairs ...string) string {
	t.Helper()
	setVariables(t, pairs...)
	_, err := config.Load()
	require.Error(t, err, "%q", pairs)
	require.ErrorAs(t, err, new(*config.Error), "the process exits with 78 on this error only")
	require.NotContains(t, err.Error(), "\n", "one line")
	return err.Error()
}

// file returns the path of a file with this content.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
