package token

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
	"healthcare/platform/clock"
)

// FuzzVerify verifies that Verify never panics and accepts only the genuine token.
func FuzzVerify(f *testing.F) {
	tokens := open(f, config(), clock.At(noon))
	f.Add(genuine())
	forged := forgeries(f)
	for _, name := range slices.Sorted(maps.Keys(forged)) { // so that seeds are the same in every run
		f.Add(forged[name])
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := tokens.Verify(token)
		if token == genuine() {
			require.NoError(t, err)
			return
		}
		require.ErrorIs(t, err, auth.ErrInvalidToken)
	})
}

// FuzzSignedClaims fuzzes payloads with a valid signature. A token is accepted only if another JSON decoder reads the
// same nine claims.
func FuzzSignedClaims(f *testing.F) {
	tokens := open(f, config(), clock.At(noon))
	f.Add(goodClaims().object())
	for _, name := range slices.Sorted(maps.Keys(goodClaims())) {
		good := goodClaims()[name]
		f.Add(goodClaims().without(name).object())
		f.Add(withDuplicate(goodClaims(), name, good))
		for _, raw := range []string{"null", "0", "-1", "1e400", `""`, `["x"]`, "{}", quote(good)} {
			f.Add(goodClaims().with(name, raw).object())
		}
	}
	f.Fuzz(func(t *testing.T, payload string) {
		got, err := tokens.Verify(signedByUs(goodHeader().object(), payload))
		if err != nil {
			require.ErrorIs(t, err, auth.ErrInvalidToken)
			return
		}
		decoder := json.NewDecoder(bytes.NewBufferString(payload))
		decoder.UseNumber()
		var read map[string]any
		require.NoError(t, decoder.Decode(&read))
		require.Len(t, read, 9)
		require.Equal(t, got.UserID.String(), read["sub"])
		require.Equal(t, got.SessionID.String(), read["sid"])
		require.Equal(t, "https://care.example", read["iss"])
		require.Contains(t, []any{"healthcare", []any{"healthcare"}}, read["aud"])
		require.Equal(t, "access", read["token_type"])
		ver, err := read["ver"].(json.Number).Int64()
		require.NoError(t, err)
		require.EqualValues(t, got.Version, ver)
		exp, err := read["exp"].(json.Number).Int64()
		require.NoError(t, err)
		require.Greater(t, exp, noon.Unix()-30)
	})
}
