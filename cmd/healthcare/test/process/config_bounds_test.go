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

// Every value that the configuration accepts is accepted by the code that uses it: a value that only they refuse would
// be refused without the name of its variable, and with another exit code.
func TestBoundsOfTheConfigurationAreThoseOfItsOwners(t *testing.T) {
	plain, err := config.Default()
	require.NoError(t, err)
	t.Setenv("CONFIG_FILE", "")
	for key := range plain.Describe() {
		t.Setenv(strings.ToUpper(key), "") // whatever this machine has
	}
	t.Setenv("DATA_DIR", t.TempDir())
	between := regexp.MustCompile(`must be between (\S+) and (\S+)$`)
	keys := 0
	for key := range plain.Describe() {
		variable := strings.ToUpper(key)
		t.Run(variable, func(t *testing.T) {
			bounds := outOfBounds(t, variable, between)
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

// outOfBounds is between what a number may be.
func outOfBounds(t *testing.T, variable string, between *regexp.Regexp) []string {
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
