package domain_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
)

var lifetimes = domain.Lifetimes{Idle: 24 * time.Hour, Absolute: 30 * 24 * time.Hour}

func TestNewSession(t *testing.T) {
	user := identity.UserID{UUID: uuid.New()}
	session, refresh := domain.NewSession(user, now, lifetimes)
	t.Run("knows its user and its times", func(t *testing.T) {
		require.Equal(t, uuid.Version(7), session.ID.Version())
		require.Equal(t, domain.Session{
			ID: session.ID, UserID: user, RefreshHash: domain.RefreshHash(refresh), CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(lifetimes.Idle),
		}, session)
	})
	t.Run("has a refresh token of 256 random bits, of which only the hash is kept", func(t *testing.T) {
		random, err := base64.RawURLEncoding.DecodeString(refresh)
		require.NoError(t, err)
		require.Len(t, random, 32)
		require.NotContains(t, session.RefreshHash, refresh)
		_, another := domain.NewSession(user, now, lifetimes)
		require.NotEqual(t, refresh, another)
	})
	t.Run("never outlives its absolute lifetime, be it shorter than the idle one", func(t *testing.T) {
		short, _ := domain.NewSession(user, now, domain.Lifetimes{Idle: time.Hour, Absolute: time.Minute})
		require.Equal(t, now.Add(time.Minute), short.ExpiresAt)
	})
}

func TestRotate(t *testing.T) {
	for _, c := range []struct {
		what  string
		after time.Duration
		alive bool
	}{
		{"is given at once", 0, true},
		{"is given a microsecond before the session expires", lifetimes.Idle - time.Microsecond, true},
		{"is refused the moment the session expires", lifetimes.Idle, false},
		{"is refused later", lifetimes.Idle + time.Hour, false},
	} {
		t.Run("the next refresh token "+c.what, func(t *testing.T) {
			session, first := domain.NewSession(identity.UserID{}, now, lifetimes)
			before := session
			next, alive := session.Rotate(now.Add(c.after), lifetimes)
			require.Equal(t, c.alive, alive)
			if !c.alive {
				require.Empty(t, next)
				require.Equal(t, before, session, "a dead session stays as it was")
				return
			}
			require.NotEqual(t, first, next)
			require.Equal(t, domain.RefreshHash(next), session.RefreshHash, "the one before is spent")
			require.Equal(t, now.Add(c.after), session.LastUsedAt)
			require.Equal(t, now.Add(c.after).Add(lifetimes.Idle), session.ExpiresAt)
			require.Equal(t, before.CreatedAt, session.CreatedAt)
		})
	}
	t.Run("however often it is used, a session ends after its absolute lifetime", rapid.MakeCheck(func(t *rapid.T) {
		session, _ := domain.NewSession(identity.UserID{}, now, lifetimes)
		end, at, alive := now.Add(lifetimes.Absolute), now, true
		for alive {
			at = at.Add(time.Duration(rapid.Int64Range(int64(time.Hour), int64(lifetimes.Idle)).Draw(t, "pause")))
			_, alive = session.Rotate(at, lifetimes)
			require.False(t, alive && !at.Before(end))
			require.False(t, session.ExpiresAt.After(end))
		}
	}))
}
