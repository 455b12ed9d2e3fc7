package keyring_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/keyring"
)

var (
	newest = []byte("kT5z0qPwX1v8Lr3Jc7Hd9Mb2Ny4Gf6Sa") // 32 bytes
	older  = []byte("another secret: 32 bytes or more...")
	oldest = []byte("the oldest secret: 32 bytes or more")
)

func ring(t *testing.T, newest []byte, previous ...[]byte) keyring.Ring {
	t.Helper()
	r, err := keyring.New(newest, previous...)
	require.NoError(t, err)
	return r
}

// TestKeysFollowRFC5869 compares with keys that were computed by RFC 5869 with Python's hmac, and the first also with
// `openssl kdf … HKDF`. If it fails, all issued tokens become invalid.
func TestKeysFollowRFC5869(t *testing.T) {
	for purpose, want := range map[string]keyring.Key{
		"access token": {
			ID: "fitA1l4j33I", Secret: unhex(t, "12d0e92a42f3b7f302f1b69e82bc8024d6ea122a7df28f0efcb288541f36fccc"),
		},
		"list cursor": {
			ID: "sZ-m4_b8FRo", Secret: unhex(t, "7fe578fd1e3a366466bfa9637d7ebeba48455060b539934d105919903d066bb2"),
		},
	} {
		t.Run("for the purpose "+purpose, func(t *testing.T) {
			require.Equal(t, want, ring(t, newest, older).Newest(purpose))
			require.Equal(t, want, ring(t, older, newest).All(purpose)[1], "a key depends on its own secret only")
		})
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func TestKeysAreUnrelated(t *testing.T) {
	seen := map[string]string{}
	for _, purpose := range []string{"access token", "refresh token", "list cursor", ""} {
		for i, key := range ring(t, newest, older, oldest).All(purpose) {
			require.Len(t, key.Secret, 32)
			require.Regexp(t, `^[A-Za-z0-9_-]{11}$`, key.ID)
			for _, value := range []string{string(key.Secret), key.ID} {
				where := fmt.Sprintf("secret %d for %q", i, purpose)
				require.Empty(t, seen[value], where)
				seen[value] = where
			}
		}
	}
	for value := range seen {
		for _, secret := range [][]byte{newest, older, oldest} {
			require.NotContains(t, string(secret), value)
		}
	}
}

func TestRing(t *testing.T) {
	ids := func(r keyring.Ring) (ids []string) {
		for _, key := range r.All("x") {
			ids = append(ids, key.ID)
		}
		return ids
	}
	t.Run("returns the newest key first", func(t *testing.T) {
		r := ring(t, newest, older, oldest)
		want := []string{ring(t, newest).Newest("x").ID, ring(t, older).Newest("x").ID, ring(t, oldest).Newest("x").ID}
		require.Equal(t, want, ids(r))
		require.Equal(t, r.All("x")[0], r.Newest("x"))
	})
	t.Run("keeps only the first of equal secrets", func(t *testing.T) {
		require.Equal(t, ids(ring(t, newest, older)), ids(ring(t, newest, newest, older, newest, older)))
	})
	t.Run("copies the caller's bytes", func(t *testing.T) {
		secret := bytes.Clone(newest)
		r := ring(t, secret)
		clear(secret)
		require.Equal(t, ids(ring(t, newest)), ids(r))
	})
	t.Run("has no keys as its zero value", func(t *testing.T) {
		require.Empty(t, keyring.Ring{}.All("x"))
		require.Panics(t, func() { keyring.Ring{}.Newest("x") })
	})
}

func TestR45_AShortSecretIsReportedByItsPosition(t *testing.T) {
	short := newest[:31]
	for position, secrets := range map[string][][]byte{
		"secret 1 of 1": {short},
		"secret 1 of 2": {nil, newest},
		"secret 3 of 3": {newest, older, short},
	} {
		t.Run(position, func(t *testing.T) {
			r, err := keyring.New(secrets[0], secrets[1:]...)
			require.ErrorContains(t, err, position)
			require.NotContains(t, err.Error(), string(short[:4]))
			require.Empty(t, r.All("x"))
		})
	}
}

func TestRingAndKeyNeverPrintTheirSecrets(t *testing.T) {
	r := ring(t, newest, older)
	key := r.Newest("access token")
	type open struct{ R keyring.Ring }
	type closed struct{ r keyring.Ring }
	for _, value := range []any{
		r, &r, []keyring.Ring{r}, map[string]any{"r": r}, open{r}, &open{r}, closed{r}, &closed{r},
		key, &key, []keyring.Key{key},
	} {
		for _, verb := range []string{
			"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s", "%+q", "%c", "%b", "%o", "%!",
		} {
			printed := strings.ToLower(fmt.Sprintf(verb, value))
			for _, secret := range [][]byte{newest, older, key.Secret} {
				for _, format := range []string{"%s", "%x", "%d", "%#v", "%o", "%b", "%c", "% x"} {
					text := strings.ToLower(strings.Trim(fmt.Sprintf(format, secret), "[]"))
					require.NotContains(t, printed, text[:min(12, len(text))], "%T %s", value, verb)
				}
			}
		}
	}
	require.Equal(t, "[2 keys]", fmt.Sprint(r))
	require.Equal(t, "key fitA1l4j33I", fmt.Sprint(key))

	asJSON, err := json.Marshal([]any{open{r}, key})
	require.NoError(t, err)
	require.JSONEq(t, `[{"R":{}}, "key fitA1l4j33I"]`, string(asJSON))
}
