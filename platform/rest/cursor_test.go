package rest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/keyring"
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
