package token

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/identity"
	"healthcare/platform/clock"
	"healthcare/platform/keyring"
)

func refreshing(t *testing.T, secrets ...[]byte) *tokens {
	t.Helper()
	keys, err := keyring.New(secrets[0], secrets[1:]...)
	require.NoError(t, err)
	made, err := New(Config{Keys: keys, Issuer: "healthcare", Audience: "healthcare-api", Lifetime: MaxLifetime},
		clock.At(noon))
	require.NoError(t, err)
	return made.(*tokens)
}

func TestRefreshTokens(t *testing.T) {
	tokens := refreshing(t, newest)
	id := identity.SessionID{UUID: session}
	good := tokens.IssueRefresh(id, 7)
	t.Run("name their session and generation", rapid.MakeCheck(func(t *rapid.T) {
		generation := rapid.IntRange(0, 1<<31-1).Draw(t, "generation")
		of, read, ok := tokens.VerifyRefresh(tokens.IssueRefresh(id, generation))
		require.True(t, ok)
		require.Equal(t, id, of)
		require.Equal(t, generation, read)
	}))
	t.Run("are the same each time, and differ for each generation", func(t *testing.T) {
		require.Equal(t, good, tokens.IssueRefresh(id, 7))
		require.NotEqual(t, good, tokens.IssueRefresh(id, 8))
		require.Len(t, good, 70)
	})
	t.Run("are rejected with any character changed, added or removed", func(t *testing.T) {
		refused := func(token string) {
			_, _, ok := tokens.VerifyRefresh(token)
			require.False(t, ok, token)
		}
		for i := range good {
			other := "A"
			if good[i] == 'A' {
				other = "B"
			}
			refused(good[:i] + other + good[i+1:])
			refused(good[:i] + good[i+1:])
			refused(good[:i] + "\n" + good[i:])
		}
		for _, token := range []string{"", good + "=", good + "A", " " + good, good + "\n", strings.Repeat("A", 70),
			strings.Repeat("A", 100_000), genuine()} {
			refused(token)
		}
		raw, err := base64.RawURLEncoding.DecodeString(good)
		require.NoError(t, err)
		refused(base64.RawStdEncoding.EncodeToString(append(raw, 0)))
	})
	t.Run("are valid after a rotation, until their secret is removed", func(t *testing.T) {
		_, _, ok := refreshing(t, older, newest).VerifyRefresh(good)
		require.True(t, ok)
		_, _, ok = refreshing(t, older, removed).VerifyRefresh(good)
		require.False(t, ok)
	})
	t.Run("are not valid as access tokens", func(t *testing.T) {
		_, err := tokens.Verify(good)
		require.Error(t, err)
	})
}
