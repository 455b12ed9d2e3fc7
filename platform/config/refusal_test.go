package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrongValuesAreRefusedByKeyAndVariable(t *testing.T) {
	for key, values := range map[string][]string{
		"debug":                 {"perhaps", "yes", "2"},
		"http_read_timeout":     {"5", "5 s", "soon", "0s", "-1s", "9000h"},
		"database_lock_timeout": {"1", "0s", "1us"},
		"http_shutdown_delay":   {"-1s", "2h", "5"},
		"access_token_lifetime": {"1s", "25h", "90500ms"},
		"session_lifetime":      {"1s", "8761h"},
		"http_body_limit":       {"64k", "0", "-1", "1.5", "16777217", "99999999999999999999"},
		"http_connections":      {"0", "many"},
		"database_pool_size":    {"0", "1001"},
		"password_hash_memory":  {"63", "262145"},
		"password_hash_queue":   {"-1", "10001"},
		"password_hash_wait":    {"0s", "61s"},
		"http_address":          {"8000", "127.0.0.1", "127.0.0.1:", "http://127.0.0.1:8000", "127.0.0.1:65536", "127.0.0.1:-1", "::1:8000"},
		"trusted_proxies":       {"10.0.0.1", "10.0.0.0/33", "10.0.0.0/8,nonsense", "clinic.example", "::ffff:127.0.0.0/104"},
		"allowed_hosts": {
			"*.clinic.example", "https://api.clinic.example", "api.clinic.example/", "a/b", "foo..bar", "bücher.example", "a b", "-a.example", ".",
			".127.0.0.1:x", "a.example:port", "[::1", strings.Repeat("a", 64) + ".example", "a.example, https://b.example",
		},
		"time_zone":                 {"Asia/Nowhere", "Local", "+05:30", "../etc/passwd"},
		"log_level":                 {"loud", "INFO", "fatal"},
		"app_env":                   {"prod", "Production", "staging"},
		"forwarded_header":          {"x-real-ip", "both"},
		"compat":                    {"rails", "Django", "django,rails", "true"},
		"database_url":              {"mysql://u:hunter2@h/x", "clinic", "postgres//u:hunter2@h/x", "postgres://u:hunter2%@h/x", "postgres://u:hunter2/2@h/x", "postgres://u:p@hunter2@h/x", "postgres://u:hunter2@h:port/x", "postgres://u:hunter2@h/x?sslmode=perhaps"},
		"password_hash_slots":       {"-1", "1025"},
		"database_slow_query":       {"-1ms", "2h"},
		"http_header_limit":         {"1023"},
		"http_url_limit":            {"255", "65537"},
		"password_hash_parallelism": {"0", "17"},
	} {
		variable := strings.ToUpper(key)
		for _, value := range values {
			t.Run(variable+"="+value, func(t *testing.T) {
				line := refused(t, variable, value)
				require.Contains(t, line, "configuration: "+key+" ("+variable+"): ")
				require.NotContains(t, line, "hunter2")
				require.Regexp(t, `must (be|start)|is (not|a range)|write`, line, "it says what would be right")
			})
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Run("of several keys are one line that names all of them", func(t *testing.T) {
		line := refused(t, "HTTP_READ_TIMEOUT", "0s", "LOG_LEVEL", "loud", "HTTP_ADDRESS", "8000")
		for _, variable := range []string{"(HTTP_READ_TIMEOUT)", "(LOG_LEVEL)", "(HTTP_ADDRESS)"} {
			require.Contains(t, line, variable)
		}
		line = refused(t, "HTTP_READ_TIMEOUT", "soon", "DEBUG", "perhaps")
		require.Contains(t, line, "(HTTP_READ_TIMEOUT)")
		require.Contains(t, line, "(DEBUG)")
	})
	t.Run("of values that contradict each other name the one to change", func(t *testing.T) {
		require.Contains(t, refused(t, "PASSWORD_HASH_MEMORY", "64", "PASSWORD_HASH_PARALLELISM", "16"), "(PASSWORD_HASH_MEMORY): must be between 128 and")
	})
	t.Run("spare what is unusual but right", func(t *testing.T) {
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
		"*", "localhost", "api.clinic.example", ".clinic.example", "API.Clinic.Example.", "api.clinic.example:8000", "a_b.example",
		"xn--bcher-kva.example", "127.0.0.1", "127.0.0.1:8000", "::1", "[::1]", "[::1]:8000",
	} {
		require.Equal(t, []string{host}, load(t, "ALLOWED_HOSTS", host).AllowedHosts)
	}
	require.Contains(t, refused(t, "ALLOWED_HOSTS", "*.clinic.example"), `write ".clinic.example"`)
	require.Contains(t, refused(t, "ALLOWED_HOSTS", "bücher.example"), `"xn--bcher-kva.example"`)
}
