package config_test

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// anyText lists the keys that have no invalid values.
var anyText = []string{"audit_checkpoints"}

func TestInvalidValues(t *testing.T) {
	invalid := map[string][]string{
		"http_read_timeout":     {"5", "5 s", "soon"},
		"database_lock_timeout": {"1"},
		"http_shutdown_delay":   {"5"},
		"access_token_lifetime": {"90500ms"},
		"http_body_limit":       {"64k", "1.5", "99999999999999999999"},
		"http_address": {
			"8000", "127.0.0.1", "127.0.0.1:", "http://127.0.0.1:8000", "127.0.0.1:65536", "127.0.0.1:-1", "::1:8000",
		},
		"metrics_address": {"9090"},
		"trusted_proxies": {"10.0.0.1", "10.0.0.0/33", "10.0.0.0/8,nonsense", "clinic.example", "::ffff:127.0.0.0/104"},

		"webhook_allow_private": {"10.0.0.1", "10.0.0.0/33", "::ffff:127.0.0.0/104"},

		"allowed_hosts": {
			"*.clinic.example",
			"https://api.clinic.example",
			"api.clinic.example/",
			"a/b",
			"foo..bar",
			"bücher.example",
			"a b",
			"-a.example",
			".",
			".127.0.0.1:x",
			"a.example:port",
			"[::1",
			strings.Repeat("a", 64) + ".example",
			"a.example, https://b.example",
		},
		"cors_origins": {"*", "app.clinic.example", "https://app.clinic.example/", "ftp://app.clinic.example"},
		"time_zone": {
			"Asia/Nowhere", "Local", "localtime", "posixrules", "Factory", "posix/UTC", "right/Europe/Berlin", "+05:30",
			"../etc/passwd",
		},
		"log_level":        {"INFO", "fatal"},
		"app_env":          {"prod", "Production"},
		"forwarded_header": {"x-real-ip", "both"},
		"compat":           {"Django", "django,rails", "true"},
		"database_url": {
			"mysql://u:hunter2@h/x", "clinic", "postgres//u:hunter2@h/x", "postgres://u:hunter2%@h/x",
			"postgres://u:hunter2/2@h/x", "postgres://u:p@hunter2@h/x", "postgres://u:hunter2@h:port/x",
			"postgres://u:hunter2@h/x?sslmode=perhaps",
		},
		"database_replica_urls": {"postgres://u:hunter2@h/x"},
		"secret_key":            {"hunter2"},
		"secret_key_previous":   {"hunter2"},
		"audit_key":             {"hunter2"},
		"audit_key_previous":    {"hunter2"},
		"mail_url": {
			"mail.clinic.example", "smtp:hunter2", "http://u:hunter2@h", "smtp://u:hunter2%@h", "smtp://u:hun/ter2@h",
			"smtp://u:hunter2@", "smtp://u:hunter2@h:0", "smtp://u:hunter2@h:65536", "smtp://u:hunter2#x@h",
			"smtp://u:hunter2@h?x", "smtp://u:hunter2@h/?tls=none", "smtps://u:hunter2@localhost?tls=none",
			"smtp://hunter2@h", "smtp://:hunter2@h", "smtp://u:@h", "smtp://u:hunter2@h?tls=off", "smtp://u:hunter2@h",
		},
		"mail_from": {
			"clinic", "a@b@c", "a@clinic.example, b@clinic.example", "a@[127.0.0.1]", "ä@clinic.example", "@a.example",
			"Clinic <a@clinic.example>\r\nBcc: x@clinic.example",
		},
		"public_url": {
			"clinic.example", "ftp://clinic.example", "https://", "https://clinic.example/", "https://u@clinic.example",
			"https://clinic.example?x=1", "https://clinic.example#x", "https://clinic.example/a b", "https://clinic.example>",
		},
		"practice_name": {strings.Repeat("x", 101), "Clinic\r\nBcc: x@clinic.example"},
		"quiet_hours": {
			"21:00", "21:00-21:00", "24:00-08:00", "9-17", "none-none", "00:00-23:59", "12:00-11:00",
		},
		"mail_dkim_selector": {"a b", "mail.", "_x", "mail2026"},
		"mail_dkim_key":      {"hunter2", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"},
	}
	fields := reflect.ValueOf(load(t))
	for i := range fields.NumField() {
		tag := fields.Type().Field(i).Tag
		key := tag.Get("koanf")
		invalid[key] = append(invalid[key], outside(t, tag, fields.Field(i).Interface())...)
	}
	for _, key := range anyText {
		require.Empty(t, invalid[key])
		delete(invalid, key)
	}
	delete(invalid, "data_dir") // it must not be empty, and an empty variable counts as unset
	for key, values := range invalid {
		variable := strings.ToUpper(key)
		require.NotEmpty(t, values, "%s needs a rule, and invalid values here", key)
		for _, value := range values {
			t.Run(variable+"="+value, func(t *testing.T) {
				line := loadError(t, variable, value)
				require.Contains(t, line, "configuration: "+key+" ("+variable+"): ")
				require.NotContains(t, line, "hunter2")
				require.Regexp(t, `must (be|start|have)|is (not|a range)|write|needs`, line, "states what is valid")
			})
		}
	}
	require.Contains(t, loadError(t, "CONFIG_FILE", file(t, `data_dir: ""`)), "data_dir (DATA_DIR): must not be empty")
}

// outside returns values that the type or the tag of a field excludes.
func outside(t *testing.T, tag reflect.StructTag, value any) []string {
	t.Helper()
	low, high, _ := strings.Cut(tag.Get("range"), ",")
	switch value.(type) {
	case bool:
		return []string{"perhaps", "yes", "2"}
	case int:
		least, err := strconv.Atoi(low)
		require.NoError(t, err)
		most, err := strconv.Atoi(high)
		require.NoError(t, err)
		return []string{strconv.Itoa(least - 1), strconv.Itoa(most + 1), "many"}
	case time.Duration:
		least, err := time.ParseDuration(low)
		require.NoError(t, err)
		most, err := time.ParseDuration(high)
		require.NoError(t, err)
		return []string{(least - time.Microsecond).String(), (most + time.Second).String()}
	}
	if _, ok := tag.Lookup("oneof"); ok {
		return []string{"unlisted"}
	}
	return nil
}

func TestRanges(t *testing.T) {
	for variable, bounds := range map[string]string{
		"HTTP_BODY_LIMIT":       "must be between 1024 and 16777216",
		"HTTP_READ_TIMEOUT":     "must be between 1ms and 8760h0m0s",
		"PASSWORD_HASH_QUEUE":   "must be between 0 and 10000",
		"MAX_PATIENTS_PER_USER": "must be between 0 and 100000000",
		"DATABASE_SLOW_QUERY":   "must be between 0s and 1h0m0s",
	} {
		value := "-1"
		if strings.Contains(bounds, "h0m0s") {
			value = "-1s"
		}
		require.Contains(t, loadError(t, variable, value), bounds)
	}
}

func TestErrors(t *testing.T) {
	t.Run("of several keys are one line that names them all", func(t *testing.T) {
		line := loadError(t, "HTTP_READ_TIMEOUT", "0s", "LOG_LEVEL", "loud", "HTTP_ADDRESS", "8000")
		for _, variable := range []string{"(HTTP_READ_TIMEOUT)", "(LOG_LEVEL)", "(HTTP_ADDRESS)"} {
			require.Contains(t, line, variable)
		}
		line = loadError(t, "HTTP_READ_TIMEOUT", "soon", "DEBUG", "perhaps")
		require.Contains(t, line, "(HTTP_READ_TIMEOUT)")
		require.Contains(t, line, "(DEBUG)")
	})
	t.Run("of contradicting values name the key to change", func(t *testing.T) {
		require.Contains(
			t, loadError(t, "PASSWORD_HASH_MEMORY", "64", "PASSWORD_HASH_PARALLELISM", "16"),
			"(PASSWORD_HASH_MEMORY): must be between 128 and",
		)
	})
	t.Run("are not reported for unusual valid values", func(t *testing.T) {
		for _, pair := range [][2]string{
			{"HTTP_ADDRESS", ":8000"}, {"HTTP_ADDRESS", "[::1]:0"}, {"HTTP_ADDRESS", "localhost:65535"},
			{"TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"}, {"HTTP_SHUTDOWN_DELAY", "0s"}, {"HTTP_SHUTDOWN_DELAY", "0"},
			{"DATABASE_URL", "postgresql://u:p%23w@h/x"}, {"DATABASE_URL", "postgres://u@/x?host=/run/postgresql"},
			{"DATABASE_URL", "postgres://u:p@h:5432/x?sslmode=require&application_name=clinic"}, {"ALLOWED_HOSTS", "*"}, {"TIME_ZONE", "Asia/Kolkata"},
			{"COMPAT", "django"}, {"COMPAT", ""},
		} {
			load(t, pair[0], pair[1])
		}
	})
}

func TestAllowedHosts(t *testing.T) {
	for _, host := range []string{
		"*", "localhost", "api.clinic.example", ".clinic.example", "API.Clinic.Example.", "api.clinic.example:8000",
		"a_b.example",
		"xn--bcher-kva.example", "127.0.0.1", "127.0.0.1:8000", "::1", "[::1]", "[::1]:8000",
	} {
		require.Equal(t, []string{host}, load(t, "ALLOWED_HOSTS", host).AllowedHosts)
	}
	require.Contains(t, loadError(t, "ALLOWED_HOSTS", "*.clinic.example"), `write ".clinic.example"`)
	require.Contains(t, loadError(t, "ALLOWED_HOSTS", "bücher.example"), `"xn--bcher-kva.example"`)
}
