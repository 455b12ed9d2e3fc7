package process

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// expectConfigError asserts that a configuration is rejected at once, with EX_CONFIG of sysexits.h, in one line, before
// anything is created.
func expectConfigError(o harness.Result, p harness.Env, names ...string) {
	o.T.Helper()
	o.ExpectFailure(harness.ExitConfig, names...)
	require.Len(o.T, o.StderrLines(), 1)
	require.Less(o.T, o.Duration, 5*time.Second, "1 s, and 4 s for a busy machine")
	require.NoDirExists(o.T, filepath.Join(p.Folder, "data"))
}

func TestR45_RejectsWeakSecrets(t *testing.T) {
	t.Parallel()
	const postgres = "DATABASE_URL=postgres://clinic:hunter2@127.0.0.1:1/clinic"
	for name, secret := range map[string]string{
		"too short":           "kT5z0qPwX1v8-hunter2",
		"from an example":     "change-me-hunter2-change-me-hunter2-change-me",
		"Django's":            "django-insecure-hunter2-0v9f#k2l$3m4n5b6v7c8x9z0q1w2e3",
		"one letter repeated": strings.Repeat("a", 64),
		"empty":               "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, where := range []string{"APP_ENV=production", postgres} {
				p := harness.NewEnv(t).With(where, "SECRET_KEY="+secret)
				o := p.Run()
				expectConfigError(o, p, "secret_key (SECRET_KEY): ", "openssl rand")
				require.True(t, secret == "" || !strings.Contains(o.Stderr, secret), o.Stderr)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		for _, where := range []string{"APP_ENV=production", postgres} {
			p := harness.NewEnv(t).With(where)
			expectConfigError(p.Run(), p, "secret_key (SECRET_KEY): is required")
		}
	})
	t.Run("from a file", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t)
		expectConfigError(p.With("SECRET_KEY_FILE="+p.WriteFile("kT5z0qPwX1v8-hunter2\n")).Run(), p,
			"(SECRET_KEY): must have at least 32 bytes")
		expectConfigError(p.With("SECRET_KEY_FILE="+p.WriteFile("\n")).Run(), p, "SECRET_KEY_FILE: the file is empty")
		expectConfigError(p.With("SECRET_KEY_FILE=/nowhere").Run(), p, "SECRET_KEY_FILE: open /nowhere: no such file")
	})
	t.Run("weak in development", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t).With("SECRET_KEY=hunter2")
		expectConfigError(p.Run(), p, "(SECRET_KEY): must have at least 32 bytes")
	})
	t.Run("accepts a strong secret", func(t *testing.T) {
		t.Parallel()
		r := harness.NewTolerantEnv(t).With("APP_ENV=production", "SECRET_KEY="+harness.SecretKey).Start()
		r.WaitReady()
		require.Equal(t, 0, r.Terminate().ExitCode)
	})
}

func TestRejectsInvalidConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ variable, names string }{
		{"DEBUG=perhaps", "debug (DEBUG): must be true or false"},
		{"HTTP_READ_TIMEOUT=5", "http_read_timeout (HTTP_READ_TIMEOUT): must be a duration"},
		{"HTTP_ADDRESS=8000", "http_address (HTTP_ADDRESS): must be host:port"},
		{"TRUSTED_PROXIES=10.0.0.1", "trusted_proxies (TRUSTED_PROXIES)"},
		{"LOG_LEVEL=loud", "log_level (LOG_LEVEL): must be debug, info, warn or error"},
		{"COMPAT=rails", "compat (COMPAT): must be empty or django"},
		{"PASSWORD_HASH_QUEUE=20000", "password_hash_queue (PASSWORD_HASH_QUEUE): must be between"},
		{"DATABASE_URL=postgres://clinic:hunter2@127.0.0.1:port/clinic",
			"database_url (DATABASE_URL): is not an address"},
		{"DATABASE_URL=postgres://clinic:p@hunter2@127.0.0.1/clinic", "database_url (DATABASE_URL): is not an address"},
		{"CONFIG_FILE=/nowhere", "CONFIG_FILE: open /nowhere: no such file"},
	} {
		t.Run(c.variable, func(t *testing.T) {
			t.Parallel()
			p := harness.NewEnv(t).With("SECRET_KEY="+harness.SecretKey, c.variable)
			expectConfigError(p.Run(), p, c.names)
		})
	}
	t.Run("misspelt key of the file", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t)
		expectConfigError(p.With("CONFIG_FILE="+p.WriteFile("http_adress: :9000\n")).Run(), p, `CONFIG_FILE: `,
			`the unknown key "http_adress"`)
	})
	t.Run("every command that reads the configuration", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t).With("DEBUG=perhaps")
		for _, command := range []string{"serve", "migrate up", "migrate status", "keys rotate", "keys list",
			"health"} {
			expectConfigError(p.Run(strings.Fields(command)...), p, "(DEBUG)")
		}
	})
}
