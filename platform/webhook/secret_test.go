package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"healthcare/platform/webhook"
)

// TestVector checks the test vector that all libraries of the specification share.
func TestVector(t *testing.T) {
	t.Parallel()
	secret, err := webhook.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	at := time.Unix(1614265330, 999_999_999)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		webhook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`), secret))
}

// verify verifies a message as a receiver does, with the library of the specification.
func verify(secret webhook.Secret, header http.Header, body []byte) error {
	receiver, err := standard.NewWebhook(secret.Reveal())
	if err != nil {
		return err
	}
	return receiver.Verify(body, header)
}

func TestSignVerifies(t *testing.T) {
	t.Parallel()
	newest, previous, foreign := webhook.NewSecret(), webhook.NewSecret(), webhook.NewSecret()
	now := time.Now()
	body := []byte(`{"type":"appointment.booked"}`)
	header := func(secrets ...webhook.Secret) http.Header {
		h := http.Header{}
		h.Set("webhook-id", "id")
		h.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		h.Set("webhook-signature", webhook.Sign("id", now, body, secrets...))
		return h
	}
	rotated := header(newest, previous)
	require.Len(t, strings.Split(rotated.Get("webhook-signature"), " "), 2)
	require.NoError(t, verify(newest, rotated, body))
	require.NoError(t, verify(previous, rotated, body))
	require.ErrorIs(t, verify(foreign, rotated, body), standard.ErrNoMatchingSignature)
	require.ErrorIs(t, verify(previous, header(newest), body), standard.ErrNoMatchingSignature)
	require.ErrorIs(t, verify(newest, rotated, append(body, ' ')), standard.ErrNoMatchingSignature)
	rotated.Set("webhook-id", "id2")
	require.ErrorIs(t, verify(newest, rotated, body), standard.ErrNoMatchingSignature)
	later := header(newest)
	later.Set("webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10))
	require.ErrorIs(t, verify(newest, later, body), standard.ErrNoMatchingSignature)
	require.Empty(t, webhook.Sign("id", now, body))
	require.Empty(t, webhook.Sign("id", now, body, webhook.Secret{}), "the zero secret signs nothing")
}

func TestParseSecret(t *testing.T) {
	t.Parallel()
	encoded := func(size int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", size)))
	}
	for _, size := range []int{24, 32, 64} {
		secret, err := webhook.ParseSecret(encoded(size))
		require.NoError(t, err)
		require.Equal(t, encoded(size), secret.Reveal())
	}
	for _, text := range []string{
		"", "whsec_", encoded(23), encoded(65), strings.TrimPrefix(encoded(32), "whsec_"), "whsk_" + encoded(32)[6:],
		" " + encoded(32), encoded(32) + "\n", strings.TrimRight(encoded(32), "="), "whsec_" + strings.Repeat("-", 32),
		"WHSEC_" + encoded(32)[6:], strings.TrimRight(encoded(32), "=")[:48] + "r=",
	} {
		secret, err := webhook.ParseSecret(text)
		require.EqualError(t, err, "is not a signing secret: whsec_ and 24 to 64 bytes in base64", "%q", text)
		require.Equal(t, webhook.Secret{}, secret)
	}
	fresh := webhook.NewSecret()
	parsed, err := webhook.ParseSecret(fresh.Reveal())
	require.NoError(t, err)
	require.Equal(t, fresh, parsed)
	require.NotEqual(t, fresh.Reveal(), webhook.NewSecret().Reveal())
}

// forms returns the texts in which a secret could appear.
func forms(t *testing.T, secret webhook.Secret) []string {
	t.Helper()
	encoded := strings.TrimPrefix(secret.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	return []string{
		encoded, string(key), fmt.Sprintf("%x", key), fmt.Sprintf("%X", key),
		strings.Trim(fmt.Sprintf("%d", key), "[]"), strings.Trim(fmt.Sprintf("%#v", key), "[]byte{}"),
	}
}

// printed returns value as fmt and JSON print it.
func printed(t *testing.T, value any) string {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v %s %q %d %x %X %o %b %t", value, value, value, value, value, value, value, value,
		value, value, value)
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	return text + string(encoded)
}

func TestSecretIsHidden(t *testing.T) {
	t.Parallel()
	secret := webhook.NewSecret()
	type unexported struct{ secret webhook.Secret }
	for name, value := range map[string]any{
		"value": secret, "pointer": &secret, "slice": []webhook.Secret{secret},
		"map": map[string]webhook.Secret{"a": secret}, "field": struct{ S webhook.Secret }{secret},
		"unexported field": unexported{secret}, "pointer to an unexported field": &unexported{secret},
	} {
		text := printed(t, value)
		for _, form := range forms(t, secret) {
			require.NotContains(t, text, form, name)
		}
	}
	require.Equal(t, "[redacted]", secret.String())
	require.Equal(t, "[redacted] [redacted]", fmt.Sprintf("%#v %d", secret, secret))
	encoded, err := json.Marshal(secret)
	require.NoError(t, err)
	require.Equal(t, `"[redacted]"`, string(encoded))
	require.Empty(t, webhook.Secret{}.String())
}
