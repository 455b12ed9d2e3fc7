package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPrecedence(t *testing.T) {
	path := file(
		t,
		"http_address: :1111\ndata_dir: from-the-file\nhttp_body_limit: 4096\n"+
			"trusted_proxies: [10.0.0.0/8, 192.168.0.0/16]\n",
	)
	c := load(t, "CONFIG_FILE", path, "HTTP_ADDRESS", ":2222")
	require.Equal(t, ":2222", c.HTTPAddress, "the environment overrides the file")
	require.Equal(t, "from-the-file", c.DataDir, "the file overrides the defaults")
	require.Equal(t, []string{"10.0.0.0/8", "192.168.0.0/16"}, c.TrustedProxies)
	require.Equal(t, 4096, c.HTTPBodyLimit)
	require.Equal(t, 8192, c.HTTPHeaderLimit, "a default")
}

func TestEnvironment(t *testing.T) {
	t.Run("accepts every type of value", func(t *testing.T) {
		c := load(
			t, "DEBUG", "true", "HTTP_BODY_LIMIT", "2048", "HTTP_READ_TIMEOUT", "1m30s", "ALLOWED_HOSTS",
			"a.example, .b.example,,", "LOG_LEVEL", "warn",
		)
		require.True(t, c.Debug)
		require.Equal(t, 2048, c.HTTPBodyLimit)
		require.Equal(t, 90*time.Second, c.HTTPReadTimeout)
		require.Equal(t, []string{"a.example", ".b.example"}, c.AllowedHosts, "spaces and empty parts are ignored")
		require.Equal(t, "warn", c.LogLevel)
	})
	t.Run("accepts booleans in the notation of the Django service", func(t *testing.T) {
		for text, want := range map[string]bool{
			"True": true, "true": true, "1": true, "False": false, "false": false, "0": false,
		} {
			require.Equal(t, want, load(t, "DEBUG", text).Debug, text)
		}
	})
	t.Run("treats an empty variable as unset", func(t *testing.T) {
		path := file(t, "http_address: :1111\n")
		c := load(
			t, "CONFIG_FILE", path, "HTTP_ADDRESS", "", "HTTP_READ_TIMEOUT", "", "DEBUG", "", "SECRET_KEY_FILE", "",
		)
		require.Equal(t, ":1111", c.HTTPAddress)
		require.Equal(t, 5*time.Second, c.HTTPReadTimeout)
		require.False(t, c.Debug)
	})
	t.Run("ignores variables of other programs", func(t *testing.T) {
		require.Equal(
			t, load(t), load(t, "HTTP_PROXY", "x", "HOSTNAME", "x", "_FILE", "x", "NO_SUCH_KEY_FILE", "/nowhere"),
		)
	})
}

func TestNameFile(t *testing.T) {
	t.Run("reads the file without its final newline", func(t *testing.T) {
		secret := strong(t)
		require.Equal(t, secret, load(t, "SECRET_KEY_FILE", file(t, secret+"\n")).SecretKey.Reveal())
	})
	t.Run("works for every key", func(t *testing.T) {
		require.Equal(t, ":3333", load(t, "HTTP_ADDRESS_FILE", file(t, ":3333")).HTTPAddress)
	})
	t.Run("overrides the configuration file", func(t *testing.T) {
		path := file(t, "http_address: :1111\n")
		require.Equal(t, ":3333", load(t, "CONFIG_FILE", path, "HTTP_ADDRESS_FILE", file(t, ":3333")).HTTPAddress)
	})
	t.Run("is rejected by name if the file is missing", func(t *testing.T) {
		line := loadError(t, "SECRET_KEY_FILE", "/nowhere/secret")
		require.Contains(t, line, "SECRET_KEY_FILE")
		require.Contains(t, line, "/nowhere/secret")
	})
	t.Run("is rejected if the file is empty, which would select the embedded database", func(t *testing.T) {
		require.Contains(t, loadError(t, "DATABASE_URL_FILE", file(t, "\n")), "DATABASE_URL_FILE: the file is empty")
	})
	t.Run("is rejected beside the variable itself, because the intended one is unknown", func(t *testing.T) {
		line := loadError(t, "HTTP_ADDRESS", ":1", "HTTP_ADDRESS_FILE", file(t, ":2"))
		require.Contains(t, line, "both HTTP_ADDRESS and HTTP_ADDRESS_FILE are set")
	})
}

func TestConfigFile(t *testing.T) {
	t.Run("may be empty", func(t *testing.T) {
		require.Equal(t, load(t), load(t, "CONFIG_FILE", file(t, "# nothing yet\n")))
	})
	t.Run("accepts a list as text", func(t *testing.T) {
		require.Equal(
			t, []string{"a.example", "b.example"},
			load(t, "CONFIG_FILE", file(t, "allowed_hosts: a.example, b.example")).AllowedHosts,
		)
	})
	for name, c := range map[string]struct{ content, names string }{
		"an unknown key":              {"http_adress: :1\n", `"http_adress"`},
		"a key in capitals":           {"HTTP_ADDRESS: :1\n", `"HTTP_ADDRESS"`},
		"a key below a key":           {"http_address: {port: 1}\n", `"http_address.port"`},
		"a duplicate key":             {"debug: true\ndebug: false\n", "line 2"},
		"text that is not YAML":       {"debug: [\n", "is not YAML"},
		"a list instead of keys":      {"- debug\n", "is not YAML"},
		"a duration without its unit": {"http_read_timeout: 5\n", "(HTTP_READ_TIMEOUT): must be a duration"},
		"a shutdown of 5 nanoseconds": {"http_shutdown_delay: 5\n", "(HTTP_SHUTDOWN_DELAY): must be a duration"},
		"a fraction of a byte":        {"http_body_limit: 4096.5\n", "(HTTP_BODY_LIMIT): must be a whole number"},
		"a number as a boolean":       {"debug: 5\n", "debug (DEBUG): must be true or false"},
		"a list as an address":        {"http_address: [a, b]\n", "http_address (HTTP_ADDRESS): must be text"},
		"an empty app_env":            {`app_env: ""`, "app_env (APP_ENV)"},
		"an empty log level":          {`log_level: ""`, "log_level (LOG_LEVEL)"},
	} {
		t.Run("is rejected for "+name, func(t *testing.T) {
			require.Contains(t, loadError(t, "CONFIG_FILE", file(t, c.content)), c.names)
		})
	}
	t.Run("is rejected by name if it is missing", func(t *testing.T) {
		require.Contains(
			t, loadError(t, "CONFIG_FILE", "/nowhere/config.yaml"), "CONFIG_FILE: open /nowhere/config.yaml",
		)
	})
	t.Run("is never quoted, because it may hold a secret", func(t *testing.T) {
		secret := strong(t)
		for _, content := range []string{
			secret, "secret_key: *" + secret, "secret_key: [" + secret + "]", "secret_key: {a: " + secret + "}",
			"secret_key: !!int " + secret, "secret_key: " + secret + ": x", "- " + secret, "database_url: mysql://u:" + secret + "@h/x",
		} {
			require.NotContains(t, loadError(t, "CONFIG_FILE", file(t, content)), secret[:4], content)
		}
	})
}
