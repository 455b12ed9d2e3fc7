package hooks

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/clock"
	"healthcare/platform/keyring"
	"healthcare/platform/recordid"
	"healthcare/platform/webhook"
)

func keysOf(t *testing.T, newest string, previous ...string) keyring.Ring {
	t.Helper()
	var others [][]byte
	for _, secret := range previous {
		others = append(others, []byte(strings.Repeat(secret, 32)))
	}
	keys, err := keyring.New([]byte(strings.Repeat(newest, 32)), others...)
	require.NoError(t, err)
	return keys
}

func TestSealer(t *testing.T) {
	t.Parallel()
	id, secret := recordid.New[notifications.EndpointID](), webhook.NewSecret()
	first, err := newSealer(keysOf(t, "a"))
	require.NoError(t, err)
	both, err := newSealer(keysOf(t, "b", "a"))
	require.NoError(t, err)
	sealed := first.seal(id, secret)
	t.Run("a secret is opened with its key, also a previous one", func(t *testing.T) {
		t.Parallel()
		for _, s := range []sealer{first, both} {
			opened, err := s.open(id, sealed)
			require.NoError(t, err)
			require.Equal(t, secret.Reveal(), opened.Reveal())
		}
		require.True(t, first.isNewest(sealed))
		require.False(t, both.isNewest(sealed))
		require.NotEqual(t, sealed, first.seal(id, secret), "each has a nonce of its own")
	})
	t.Run("an altered secret, one of another endpoint and one of another key are not opened", func(t *testing.T) {
		t.Parallel()
		other, err := newSealer(keysOf(t, "b"))
		require.NoError(t, err)
		_, err = other.open(id, sealed)
		require.ErrorIs(t, err, errSealed)
		_, err = first.open(recordid.New[notifications.EndpointID](), sealed)
		require.ErrorIs(t, err, errSealed)
		text := []byte(sealed)
		for i := range text {
			altered := string(text[:i]) + string(text[i]^1) + string(text[i+1:])
			_, err := first.open(id, domain.SealedSecret(altered))
			require.ErrorIs(t, err, errSealed, i)
		}
		_, err = first.open(id, "")
		require.ErrorIs(t, err, errSealed)
	})
	t.Run("a ring without keys is an error", func(t *testing.T) {
		t.Parallel()
		_, err := New(notifications.Config{}, keyring.Ring{}, clock.At(time.Now()))
		require.ErrorIs(t, err, keyring.ErrNone)
	})
}

func TestFailureOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  webhook.Error
		want domain.Failure
	}{
		"a receiver that fails": {
			webhook.Error{Failure: webhook.Temporary, Code: "http 503", RetryAfter: time.Minute},
			domain.Failure{Scope: domain.ForNow, Code: "http 503", RetryAfter: time.Minute},
		},
		"410": {
			webhook.Error{Failure: webhook.Gone, Code: "http 410"},
			domain.Failure{Scope: domain.Permanently, Code: "http 410", Disables: domain.Gone},
		},
		"a forbidden address": {
			webhook.Error{Failure: webhook.Refused, Code: webhook.CodeAddress},
			domain.Failure{Scope: domain.ForNow, Code: webhook.CodeAddress},
		},
		"a forbidden URL": {
			webhook.Error{Failure: webhook.Refused, Code: webhook.CodeURL},
			domain.Failure{Scope: domain.Permanently, Code: webhook.CodeURL, Disables: domain.ForbiddenURL},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, &test.want, failureOf(&test.err))
		})
	}
	require.NoError(t, failureOf(nil))
	unknown := errors.New("unknown")
	require.Equal(t, unknown, failureOf(unknown))
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	h, err := New(notifications.Config{}, keysOf(t, "a"), clock.At(time.Now()))
	require.NoError(t, err)
	require.NoError(t, h.CheckURL("https://hooks.clinic.example/appointments"))
	require.EqualError(t, h.CheckURL("http://hooks.clinic.example"), "The URL must begin with https://.")
}
