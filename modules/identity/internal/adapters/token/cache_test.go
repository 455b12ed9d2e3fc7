package token

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
)

func TestCachedTokensExpire(t *testing.T) {
	at := clock.At(noon.Truncate(time.Second))
	made, err := New(Config{Keys: ring(newest), Issuer: "healthcare", Audience: "healthcare-api", Lifetime: time.Hour},
		at)
	require.NoError(t, err)
	want := ports.Claims{UserID: uuid.New(), SessionID: uuid.New(), Version: 3}
	signed, err := made.Issue(want)
	require.NoError(t, err)
	good := func() {
		t.Helper()
		got, err := made.Verify(signed)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	refused := func() {
		t.Helper()
		_, err := made.Verify(signed)
		require.ErrorIs(t, err, auth.ErrInvalidToken)
	}
	good()
	good()
	for i := range len(signed) { // each changed character
		forged := []byte(signed)
		forged[i] ^= 1
		_, err := made.Verify(string(forged))
		require.Error(t, err)
	}
	at.Advance(time.Hour + leeway - time.Nanosecond)
	good()
	at.Advance(time.Nanosecond)
	refused()
	at.Advance(-time.Hour - leeway - maxAhead)
	good()
	at.Advance(-time.Nanosecond)
	refused()
}

func TestCacheIsBounded(t *testing.T) {
	var c cache
	digest := func(n int) (d [sha256.Size]byte) {
		binary.BigEndian.PutUint64(d[:], uint64(n))
		return d
	}
	for n := range 5 * perGeneration {
		c.add(digest(n), verified{})
		require.LessOrEqual(t, len(c.young)+len(c.old), 2*perGeneration)
	}
	_, newest := c.find(digest(5*perGeneration - 1))
	require.True(t, newest)
	_, before := c.find(digest(5*perGeneration - perGeneration))
	require.True(t, before)
	_, oldest := c.find(digest(0))
	require.False(t, oldest)
}
