package config_test

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

//go:embed testdata/ordinary_variables.txt
var ordinary string

func misspelt(t *testing.T, pairs ...string) map[string]string {
	t.Helper()
	setVariables(t, pairs...)
	all, err := config.Misspelt()
	require.NoError(t, err)
	return all
}

func TestMisspeltVariables(t *testing.T) {
	for name, intended := range map[string]string{
		"HTTP_ADRESS": "HTTP_ADDRESS", "DATABSE_URL": "DATABASE_URL", "DATABASE_ULR": "DATABASE_URL",
		"SECRET_KEY_FIEL": "SECRET_KEY_FILE",
		"ALLOWED_HOST":    "ALLOWED_HOSTS", "CORS_ORIGIN": "CORS_ORIGINS", "CONFIG_FLIE": "CONFIG_FILE",
		"DEBIG": "DEBUG", "DATADIR": "DATA_DIR",
		"http_adress": "HTTP_ADDRESS", "AUDIT_KEYS": "AUDIT_KEY", "TIME_ZOEN": "TIME_ZONE",
		"DATABASE_URL_FIL": "DATABASE_URL_FILE",
	} {
		t.Run(name+" suggests "+intended, func(t *testing.T) {
			require.Equal(t, map[string]string{name: intended}, misspelt(t, name, "hunter2"))
		})
	}
	t.Run("exclude known variables, in either case", func(t *testing.T) {
		require.Empty(
			t, misspelt(t, "HTTP_ADDRESS", ":1", "http_body_limit", "2048", "SECRET_KEY_FILE", "x", "PORT", "8000"),
		)
	})
	t.Run("exclude empty variables, which count as unset", func(t *testing.T) {
		require.Empty(t, misspelt(t, "HTTP_ADRESS", ""))
	})
	t.Run("exclude variables of other programs", func(t *testing.T) {
		names := strings.Fields(ordinary)
		require.Greater(t, len(names), 300)
		for _, name := range names {
			t.Setenv(name, "x")
		}
		require.Empty(t, misspelt(t))
	})
	t.Run("are named in the error about a configuration, without their values", func(t *testing.T) {
		line := loadError(t, "HTTP_READ_TIMEOUT", "5", "SECRET_KEY_FIEL", "hunter2")
		require.Contains(t, line, "(HTTP_READ_TIMEOUT)")
		require.Contains(t, line, "SECRET_KEY_FIEL is set but unknown: did you mean SECRET_KEY_FILE?")
		require.NotContains(t, line, "hunter2")
	})
}

func TestPort(t *testing.T) {
	t.Run("sets the address if http_address is not set", func(t *testing.T) {
		require.Equal(t, ":9123", load(t, "PORT", "9123").HTTPAddress)
		require.Equal(t, ":9123", load(t, "PORT", "9123", "HTTP_ADDRESS", "").HTTPAddress)
		require.Equal(t, ":0", load(t, "PORT", "0").HTTPAddress)
		require.Equal(t, ":9123", load(t, "PORT", "", "PORT_FILE", file(t, "9123\n")).HTTPAddress)
		require.Equal(t, "127.0.0.1:8000", load(t, "PORT_FILE", "").HTTPAddress)
		require.Contains(t, loadError(t, "PORT_FILE", file(t, "\n")), "PORT_FILE: the file is empty")
		require.Contains(
			t, loadError(t, "PORT_FILE", file(t, "http")), "configuration: PORT_FILE: must be a port number",
		)
		require.Contains(t, loadError(t, "PORT_FILE", "/nowhere/port"), "PORT_FILE")
		require.Contains(t, loadError(t, "PORT_FILE", file(t, "1"), "PORT", "1"), "both PORT and PORT_FILE are set")
	})
	t.Run("is ignored if http_address is set, even if it is invalid", func(t *testing.T) {
		for _, port := range []string{"9123", "tcp://10.0.0.1:9123"} {
			require.Equal(t, ":1111", load(t, "PORT", port, "HTTP_ADDRESS", ":1111").HTTPAddress)
			require.Equal(t, ":1111", load(t, "PORT", port, "HTTP_ADDRESS_FILE", file(t, ":1111")).HTTPAddress)
			require.Equal(t, ":1111", load(t, "PORT", port, "CONFIG_FILE", file(t, "http_address: :1111")).HTTPAddress)
			require.Equal(
				t, "127.0.0.1:8000",
				load(t, "PORT", port, "CONFIG_FILE", file(t, "http_address: 127.0.0.1:8000")).HTTPAddress,
			)
		}
	})
	t.Run("is rejected by name if it is not a number", func(t *testing.T) {
		for _, port := range []string{"tcp://10.0.0.1:9123", "http", "-1", "65536", "80.5", " 80", ":80", "0x50", "８０"} {
			require.Contains(
				t, loadError(t, "PORT", port, "PORT_FILE", ""), "configuration: PORT: must be a port number", port,
			)
		}
	})
	t.Run("is not set by default", func(t *testing.T) {
		require.Equal(t, "127.0.0.1:8000", load(t).HTTPAddress)
	})
}
