package process

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"healthcare/cmd/internal/composition"
	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
)

// TestConfigurationBounds checks that the code that uses a value accepts the bounds of the configuration. Otherwise the
// error would not name the variable, and the exit code would differ.
func TestConfigurationBounds(t *testing.T) {
	plain, err := config.Default()
	require.NoError(t, err)
	t.Setenv("CONFIG_FILE", "")
	for key := range plain.Describe() {
		t.Setenv(strings.ToUpper(key), "") // ignores the environment of the machine
	}
	t.Setenv("DATA_DIR", t.TempDir())
	between := regexp.MustCompile(`must be between (\S+) and (\S+)$`)
	keys := 0
	for key := range plain.Describe() {
		variable := strings.ToUpper(key)
		t.Run(variable, func(t *testing.T) {
			bounds := boundsOf(t, variable, between)
			if bounds == nil {
				return // not a number
			}
			keys++
			for _, extreme := range bounds {
				t.Setenv(variable, extreme)
				cfg, err := config.Load()
				require.NoError(t, err, extreme)
				cfg.SecretKey, cfg.AuditKey = harness.SecretKey, harness.AuditKey
				app := fx.New(composition.Configuration(cfg, harness.TestVersion), composition.Serving(),
					fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger }))
				require.NoError(t, app.Err(), extreme)
			}
		})
	}
	require.Greater(t, keys, 20)
}

// boundsOf returns the minimum and maximum of a variable, or nil if it is not a number.
func boundsOf(t *testing.T, variable string, between *regexp.Regexp) []string {
	t.Helper()
	for _, value := range []string{"-1", "-1s"} {
		t.Setenv(variable, value)
		if _, err := config.Load(); err != nil {
			if bounds := between.FindStringSubmatch(err.Error()); bounds != nil {
				return bounds[1:]
			}
		}
	}
	return nil
}
