package config_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"healthcare/platform/config"
)

// strong returns a secret as `openssl rand -base64 48` generates it.
func strong(t *testing.T) string {
	t.Helper()
	random := make([]byte, 48)
	_, err := rand.Read(random)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(random)
}

func TestSecretNeverPrints(t *testing.T) {
	const text = "canary-canary-canary"
	secret := config.Secret(text)
	whole := config.Config{SecretKey: secret, SecretKeyPrevious: secret, DatabaseURL: secret}
	for _, value := range []any{
		secret, &secret, []config.Secret{secret}, whole, &whole, map[string]any{"key": secret},
		struct{ S config.Secret }{secret},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s", "%+q", "%!"} {
			printed := fmt.Sprintf(verb, value)
			require.NotContains(t, printed, text, verb)
			require.NotContains(t, strings.ToLower(printed), fmt.Sprintf("%x", text), verb)
		}
		require.NotContains(t, fmt.Sprint(value)+fmt.Sprintln(value), text)
		require.NotContains(t, fmt.Errorf("open: %v", value).Error(), text)
		require.NotContains(t, errors.Join(fmt.Errorf("%s", value)).Error(), text)

		asJSON, err := json.Marshal(value)
		require.NoError(t, err)
		require.NotContains(t, string(asJSON), text)
		asYAML, err := yaml.Parser().Marshal(map[string]any{"value": value})
		require.NoError(t, err)
		require.NotContains(t, string(asYAML), text)
		require.NotContains(t, logged(value), text)
	}
	require.Equal(t, text, secret.Reveal())
}

// logged returns what zap and slog write for a value, in each way of passing it.
func logged(value any) string {
	var out bytes.Buffer
	for _, encoder := range []zapcore.Encoder{
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()),
		zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
	} {
		log := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&out), zap.DebugLevel))
		log.Info("message", zap.Any("any", value), zap.Reflect("reflect", value))
		log.Info("message", zap.Error(fmt.Errorf("with %v", value)))
		log.Sugar().Infow("message", "value", value)
		log.Sugar().Infof("message %v", value)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("message", "value", value)
	slog.New(slog.NewTextHandler(&out, nil)).Info("message", "value", value)
	return out.String()
}

func TestSecretString(t *testing.T) {
	require.Empty(t, config.Secret("").String())
	require.Equal(t, "[redacted]", config.Secret("x").String())
	require.Equal(t, "[redacted]", fmt.Sprint(config.Secret("x")))
}

func TestSecretStrength(t *testing.T) {
	for name, secret := range map[string]string{
		"a short secret":               "kT5z0qPwX1v8",
		"one byte too short":           strings.Repeat("kT5z0qPw", 4)[1:],
		"one repeated letter":          strings.Repeat("a", 64),
		"seven repeated letters":       strings.Repeat("passwor", 8),
		"spaces":                       strings.Repeat(" ", 40),
		"an example value":             "please-change-me-please-change-me-please",
		"an example in capitals":       "PLEASE_CHANGE_ME_PLEASE_CHANGE_ME_0123456789",
		"Django's development secret":  "django-insecure-0v9f#k2l$3m4n5b6v7c8x9z0q1w2e3r4t5y6u7i8o9p",
		"a placeholder of a document":  "your-secret-key-0123456789-0123456789",
		"a repeated control character": strings.Repeat("\x01", 65),
	} {
		t.Run("rejects "+name, func(t *testing.T) {
			line := loadError(t, "SECRET_KEY", secret)
			require.Contains(t, line, "secret_key (SECRET_KEY): ")
			require.Contains(t, line, "openssl rand", "how to generate one")
			require.NotContains(t, line, secret)
		})
	}
	t.Run("does not depend on the source", func(t *testing.T) {
		require.NotContains(t, loadError(t, "SECRET_KEY_FILE", file(t, "kT5z0qPwX1v8")), "kT5z0qPwX1v8")
		require.NotContains(t, loadError(t, "CONFIG_FILE", file(t, "secret_key: kT5z0qPwX1v8")), "kT5z0qPwX1v8")
	})
	t.Run("accepts generated secrets", func(t *testing.T) {
		for range 100 {
			secret := strong(t)
			require.Equal(t, secret, load(t, "SECRET_KEY", secret).SecretKey.Reveal())
		}
	})
	t.Run("accepts exactly 32 bytes, and hex", func(t *testing.T) {
		load(t, "SECRET_KEY", strong(t)[:32])
		load(t, "SECRET_KEY", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
	})
}

func TestPreviousSecrets(t *testing.T) {
	t.Run("are separated by commas and white space", func(t *testing.T) {
		one, two, three := strong(t), strong(t), strong(t)
		want := []config.Secret{config.Secret(one), config.Secret(two), config.Secret(three)}
		for _, list := range []string{
			one + "," + two + "," + three, one + " " + two + "\t" + three,
			",\n " + one + " , " + two + "\r\n\n" + three + ",\n",
		} {
			require.Equal(t, want, load(t, "SECRET_KEY_PREVIOUS", list).PreviousSecrets())
			require.Equal(t, want, load(t, "SECRET_KEY_PREVIOUS_FILE", file(t, list)).PreviousSecrets())
		}
		require.Empty(t, load(t).PreviousSecrets())
	})
	t.Run("come from the configuration file too", func(t *testing.T) {
		one, two := strong(t), strong(t)
		c := load(t, "CONFIG_FILE", file(t, "secret_key_previous: "+one+", "+two))
		require.Equal(t, []config.Secret{config.Secret(one), config.Secret(two)}, c.PreviousSecrets())
	})
}

func TestR45_WeakPreviousSecretsAreRejected(t *testing.T) {
	weak := "kT5z0qPwX1v8"
	for name, c := range map[string]struct{ list, why string }{
		"a short secret":        {weak, "secret 1 of 1 must have at least 32 bytes"},
		"a short second secret": {strong(t) + "," + weak, "secret 2 of 2 must have at least 32 bytes"},
		"an example value": {
			strong(t) + " " + strings.Repeat("change-me-", 4) + " " + strong(t), "secret 2 of 3 looks like an example",
		},
		"one repeated letter": {strings.Repeat("a", 64), "secret 1 of 1 has too few different characters"},
		"only commas":         {" , ,", "holds no secret"},
	} {
		t.Run("for "+name, func(t *testing.T) {
			line := loadError(t, "SECRET_KEY", strong(t), "SECRET_KEY_PREVIOUS", c.list)
			require.Contains(t, line, "secret_key_previous (SECRET_KEY_PREVIOUS): "+c.why)
			for _, secret := range strings.FieldsFunc(c.list, func(r rune) bool { return r == ',' || r == ' ' }) {
				require.NotContains(t, line, secret)
			}
		})
	}
}
