package rest

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"healthcare/platform/paging"
)

// FuzzCursor checks that open accepts only a cursor of the same secret and binding, and returns its key. It changes one
// byte of a sealed cursor, or opens it with another binding.
func FuzzCursor(f *testing.F) {
	own, foreign := cursorsOf(f, aSecret), cursorsOf(f, "another secret of the tests: 32 bytes")
	f.Add("name", "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", "user", "/things", "", uint16(0), byte(0))
	f.Add("", "", "", "", "AAAA", uint16(3), byte(1))
	f.Add("\xc4", "0", "0", "0", "", uint16(0), byte(0))
	f.Add("अनन्या", "\u2028", "a", "bc", own.seal([]string{"x"}, binding("ab", "c"), maxCursor), uint16(20), byte(0x80))
	f.Add("a", "b", "ab", "", foreign.seal([]string{"a", "b"}, binding("ab", ""), maxCursor), uint16(9999), byte(0xff))
	f.Fuzz(func(t *testing.T, first, second, caller, list, typed string, at uint16, flip byte) {
		bound := binding(caller, list)
		_, _, err := own.open(typed, bound)
		require.ErrorIs(t, err, errCursor, "%q was not sealed for this binding", typed)

		room := int(at) % maxCursor
		cursor := own.seal([]string{first, second}, bound, room)
		require.LessOrEqual(t, len(cursor), max(room, own.longestShort(2)), "the cursor fits, or its key is shortened")
		key, shortened, err := own.open(cursor, bound)
		require.NoError(t, err)
		require.Len(t, key, 2)
		if utf8.ValidString(first) && utf8.ValidString(second) {
			require.True(t, strings.HasPrefix(first, key[0]) && strings.HasPrefix(second, key[1]))
			if shortened == nil {
				require.Equal(t, []string{first, second}, key)
			} else {
				require.Equal(t, paging.Digest([]string{first, second}), shortened.Digest)
				require.Less(t, len(key[shortened.First]), len([]string{first, second}[shortened.First]))
			}
		}
		for _, other := range [][]byte{
			binding(list, caller+"x"), binding(caller + list), binding(caller, list, ""), nil,
		} {
			_, _, err = own.open(cursor, other)
			require.ErrorIs(t, err, errCursor)
		}
		_, _, err = foreign.open(cursor, bound)
		require.ErrorIs(t, err, errCursor)

		sealed, err := base64.RawURLEncoding.DecodeString(cursor)
		require.NoError(t, err)
		if flip != 0 {
			sealed[int(at)%len(sealed)] ^= flip
			_, _, err = own.open(base64.RawURLEncoding.EncodeToString(sealed), bound)
			require.ErrorIs(t, err, errCursor)
		}
		_, _, err = own.open(cursor[:int(at)%len(cursor)], bound)
		require.ErrorIs(t, err, errCursor)
	})
}

// FuzzBinding checks that different lists of texts have different bytes.
func FuzzBinding(f *testing.F) {
	f.Add("a", "bc", "ab", "c")
	f.Add("", "a", "a", "")
	f.Add("\x01a", "", "", "\x01a")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		require.Equal(t, a == c && b == d, string(binding(a, b)) == string(binding(c, d)))
		require.NotEqual(t, binding(a), binding(c, d))
	})
}
