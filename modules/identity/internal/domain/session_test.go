package domain_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
)

var (
	lifetimes = domain.Lifetimes{Idle: 24 * time.Hour, Absolute: 30 * 24 * time.Hour}
	laptop    = domain.Origin{Agent: "laptop", Network: "203.0.113.0/24"}
	phone     = domain.Origin{Agent: "phone", Network: "2001:db8::/56"}
)

func TestNewSession(t *testing.T) {
	user := identity.UserID{UUID: uuid.New()}
	session := domain.NewSession(user, laptop, now, lifetimes)
	t.Run("has its user, client and times", func(t *testing.T) {
		require.Equal(t, uuid.Version(7), session.ID.Version())
		require.Equal(t, domain.Session{
			ID: session.ID, UserID: user, From: laptop, CreatedAt: now, LastUsedAt: now,
			ExpiresAt: now.Add(lifetimes.Idle),
		}, session)
	})
	t.Run("ends with its absolute lifetime, even if that is shorter than the idle lifetime", func(t *testing.T) {
		short := domain.NewSession(user, laptop, now, domain.Lifetimes{Idle: time.Hour, Absolute: time.Minute})
		require.Equal(t, now.Add(time.Minute), short.ExpiresAt)
	})
}

func TestRefresh(t *testing.T) {
	fresh := func() domain.Session { return domain.NewSession(identity.UserID{}, laptop, now, lifetimes) }
	t.Run("with the live token starts the next generation and records the client", func(t *testing.T) {
		s := fresh()
		at := now.Add(lifetimes.Idle - time.Microsecond)
		require.Equal(t, domain.Rotated, s.Refresh(0, phone, at, lifetimes))
		require.Equal(t, domain.Session{
			ID: s.ID, Generation: 1, From: phone, CreatedAt: now, LastUsedAt: at, ExpiresAt: at.Add(lifetimes.Idle),
		}, s)
	})
	for name, c := range map[string]struct {
		generation int
		after      time.Duration // since the start of the third generation
		use        domain.Use
	}{
		"the parent at once":                           {1, 0, domain.Repeated},
		"the parent at the end of its window":          {1, 60 * time.Second, domain.Repeated},
		"the parent just after its window":             {1, 60*time.Second + time.Microsecond, domain.Reused},
		"the grandparent at once":                      {0, 0, domain.Reused},
		"the live one, the moment the session expires": {2, 24 * time.Hour, domain.Refused},
		"the grandparent, when the session is over":    {0, 24 * time.Hour, domain.Refused},
		"a generation that does not exist":             {3, 0, domain.Refused},

		"the parent, when the clock was set back within its window":     {1, -60 * time.Second, domain.Repeated},
		"the parent, when the clock was set back beyond its window":     {1, -60*time.Second - 1000, domain.Reused},
		"the parent, when the clock was set back by a year":             {1, -365 * day, domain.Reused},
		"the grandparent, when the clock was set back":                  {0, -time.Hour, domain.Reused},
		"a generation that does not exist, when the clock was set back": {3, -time.Hour, domain.Refused},
	} {
		t.Run("with "+name+" changes nothing", func(t *testing.T) {
			s := fresh()
			s.Refresh(0, laptop, now, lifetimes)
			s.Refresh(1, laptop, now, lifetimes)
			before := s
			require.Equal(t, c.use, s.Refresh(c.generation, phone, now.Add(c.after), lifetimes))
			require.Equal(t, before, s)
		})
	}
	t.Run("with the live token starts the lifetimes afresh when the clock was set back", func(t *testing.T) {
		s := fresh()
		at := now.Add(-365 * day)
		require.Equal(t, domain.Rotated, s.Refresh(0, phone, at, lifetimes))
		require.Equal(t, domain.Session{
			ID: s.ID, Generation: 1, From: phone, CreatedAt: at, LastUsedAt: at, ExpiresAt: at.Add(lifetimes.Idle),
		}, s)
	})
	t.Run("repeats a token for an idle lifetime if the window is that long, also when the clock was set back",
		func(t *testing.T) {
			s := fresh()
			long := lifetimes
			long.Retry = long.Idle
			s.Refresh(0, laptop, now, long)
			require.Equal(t, domain.Repeated, s.Refresh(0, laptop, now.Add(-time.Hour), long))
			require.Equal(t, domain.Reused, s.Refresh(0, laptop, now.Add(-25*time.Hour), long))
		})
	t.Run("with the parent does not extend its window", func(t *testing.T) {
		s := fresh()
		s.Refresh(0, laptop, now, lifetimes)
		require.Equal(t, domain.Repeated, s.Refresh(0, laptop, now.Add(50*time.Second), lifetimes))
		require.Equal(t, domain.Reused, s.Refresh(0, laptop, now.Add(70*time.Second), lifetimes))
	})
	t.Run("does not extend a session beyond its absolute lifetime", rapid.MakeCheck(func(t *rapid.T) {
		s, at, use := fresh(), now, domain.Rotated
		end := now.Add(lifetimes.Absolute)
		for use == domain.Rotated {
			at = at.Add(time.Duration(rapid.Int64Range(int64(time.Hour), int64(lifetimes.Idle)).Draw(t, "pause")))
			use = s.Refresh(s.Generation, laptop, at, lifetimes)
			require.False(t, use == domain.Rotated && !at.Before(end))
			require.False(t, s.ExpiresAt.After(end))
		}
	}))
}

func TestClientOf(t *testing.T) {
	for header, want := range map[string]string{
		"": "", "curl/8.11.0": "curl/8.11.0", "a\x00b\nc\u202ed\xff": "abcd",
		strings.Repeat("ä", 300): strings.Repeat("ä", 200),
	} {
		require.Equal(t, want, domain.OriginOf(header, netip.Addr{}).Agent)
	}
	for address, network := range map[string]string{
		"203.0.113.77": "203.0.113.0/24", "::ffff:203.0.113.77": "203.0.113.0/24",
		"2001:db8:0:1ff::1": "2001:db8:0:100::/56", "fe80::1%eth0": "fe80::/56",
	} {
		require.Equal(t, network, domain.OriginOf("", netip.MustParseAddr(address)).Network)
	}
	require.Empty(t, domain.OriginOf("", netip.Addr{}).Network)
}

func TestWideNetwork(t *testing.T) {
	for address, network := range map[string]string{
		"2001:db8:1:2ff::1": "2001:db8:1::/48", "fe80::1%eth0": "fe80::/48", "203.0.113.77": "",
		"::ffff:203.0.113.77": "",
	} {
		require.Equal(t, network, domain.WideNetwork(netip.MustParseAddr(address)), address)
	}
	require.Empty(t, domain.WideNetwork(netip.Addr{}))
}
