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

// variables is an environment of which only these (name, value, name, value …) are set, whatever the machine's own one holds: an empty
// variable counts as unset.
func variables(t *testing.T, pairs ...string) {
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

// defaults is configs/default.yaml as it stands.
func defaults(t *testing.T) map[string]any {
	t.Helper()
	all, err := yaml.Parser().Unmarshal(configs.Default)
	require.NoError(t, err)
	return all
}

// load reads the configuration in the environment of these variables.
func load(t *testing.T, pairs ...string) config.Config {
	t.Helper()
	variables(t, pairs...)
	c, err := config.Load()
	require.NoError(t, err)
	return c
}

// refused is the one line with which the configuration is refused in the environment of these variables.
func refused(t *testing.T, pairs ...string) string {
	t.Helper()
	variables(t, pairs...)
	_, err := config.Load()
	require.Error(t, err, "%q", pairs)
	require.ErrorAs(t, err, new(*config.Error), "only this error makes the process exit with 78")
	require.NotContains(t, err.Error(), "\n", "one line")
	return err.Error()
}

// file is a file of the operator's with this content.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
