package rest

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/keyring"
	"healthcare/platform/paging"
)

const aSecret = "a secret of the tests: 32 bytes or more"

func keysOf(newest string, previous ...string) keyring.Ring {
	var older [][]byte
	for _, secret := range previous {
		older = append(older, []byte(secret))
	}
	keys, err := keyring.New([]byte(newest), older...)
	if err != nil {
		panic(err)
	}
	return keys
}

func cursorsOf(t testing.TB, newest string, previous ...string) Cursors {
	t.Helper()
	c, err := NewCursors(keysOf(newest, previous...))
	require.NoError(t, err)
	return c
}

func TestCursorsRemainValidUnderANewSecret(t *testing.T) {
	const former, newest = aSecret, "a newer secret of the tests: 32 bytes or more"
	key, bound := []string{"Ananya Verma", "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"}, binding("user", "/things")
	before, after := cursorsOf(t, former), cursorsOf(t, newest, former)
	old := before.seal(key, bound, maxCursor)

	t.Run("a link to a page is valid after a rotation", func(t *testing.T) {
		got, _, err := after.open(old, bound)
		require.NoError(t, err)
		require.Equal(t, key, got)
	})
	t.Run("a link of a release without a key ring is valid", func(t *testing.T) {
		const sealed = "ema68EWb-N591KhS755DYqBGvkW4xOxpeJfbhU83Lr6Qun59gl5M0T93" +
			"JND4aDODwGY3j4AQbaUap6yGR_4WDe58MWOCv0xdTJlLnHoaJPIE_vo"
		got, _, err := before.open(sealed, bound)
		require.NoError(t, err)
		require.Equal(t, key, got)
	})
	t.Run("the binding applies to older keys", func(t *testing.T) {
		_, _, err := after.open(old, binding("someone else", "/things"))
		require.ErrorIs(t, err, errCursor)
	})
	t.Run("the newest key seals", func(t *testing.T) {
		sealed := after.seal(key, bound, maxCursor)
		got, _, err := cursorsOf(t, newest).open(sealed, bound)
		require.NoError(t, err)
		require.Equal(t, key, got)
		_, _, err = before.open(sealed, bound)
		require.ErrorIs(t, err, errCursor)
	})
	t.Run("a dropped key opens nothing", func(t *testing.T) {
		_, _, err := cursorsOf(t, newest).open(old, bound)
		require.ErrorIs(t, err, errCursor)
	})
	t.Run("rejects an empty ring", func(t *testing.T) {
		_, err := NewCursors(keyring.Ring{})
		require.ErrorIs(t, err, keyring.ErrNone)
	})
}

func TestLongKeysAreShortenedToFit(t *testing.T) {
	c, bound := cursorsOf(t, aSecret), binding("user", "/things")
	key := []string{strings.Repeat("x", 200), "1"}
	full := c.seal(key, bound, maxCursor)
	got, how, err := c.open(c.seal(key, bound, len(full)), bound)
	require.NoError(t, err)
	require.Nil(t, how)
	require.Equal(t, key, got)

	short := c.seal(key, bound, len(full)-1)
	require.LessOrEqual(t, len(short), c.longestShort(len(key)))
	got, how, err = c.open(short, bound)
	require.NoError(t, err)
	require.Equal(t, []string{strings.Repeat("x", paging.KeyText), "1"}, got)
	require.Equal(t, &paging.Shortened{First: 0, Digest: paging.Digest(key)}, how)
	require.Equal(t, 299, c.longestShort(2)) // base64 of 1 byte, 3 texts of 1+64 bytes, nonce and tag
}

func TestSealedTextsThatAreNoCursors(t *testing.T) {
	c, bound := cursorsOf(t, aSecret), binding("user", "/things")
	open := func(plain string) ([]string, *paging.Shortened, error) {
		sealed := c[0].Seal(nil, nil, []byte(plain), bound) // #nosec G407 -- this AEAD generates random nonces
		return c.open(base64.RawURLEncoding.EncodeToString(sealed), bound)
	}
	for name, plain := range map[string]string{
		"nothing":                            "",
		"half a list":                        `["a"`,
		"an index without texts":             "\x00",
		"a text that is cut off":             "\x00\x01a\x03ab",
		"a length that is cut off":           "\x00\x01a\x01b\x80",
		"a length that overflows":            "\x00" + strings.Repeat("\xff", 11),
		"the index of the digest":            "\x01" + string(binding("a", "digest")),
		"an index behind all texts":          "\x02" + string(binding("a", "digest")),
		"an index that is far behind a text": "\x03" + string(binding("a", "digest")),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := open(plain)
			require.ErrorIs(t, err, errCursor)
		})
	}
	t.Run("an encoding with valid parts is accepted", func(t *testing.T) {
		key, how, err := open("\x00" + string(binding("a", "")))
		require.NoError(t, err)
		require.Equal(t, []string{"a"}, key)
		require.Equal(t, &paging.Shortened{}, how)
	})
	t.Run("characters after a cursor are rejected", func(t *testing.T) {
		for _, text := range []string{"a", "aa", "aaa"} {
			_, _, err := c.open(c.seal([]string{text}, bound, maxCursor)+"!", bound)
			require.ErrorIs(t, err, errCursor)
		}
	})
}
