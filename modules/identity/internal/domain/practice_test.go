package domain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

func TestPractice(t *testing.T) {
	practice, err := domain.NewPractice(" At the Lake ", now)
	require.NoError(t, err)
	require.Equal(t, domain.Practice{ID: practice.ID, Name: "At the Lake", CreatedAt: now}, practice)
	require.NotZero(t, practice.ID)
	require.NoError(t, practice.Rename(strings.Repeat("ä", 255)))
	for _, name := range []string{"", " ", strings.Repeat("ä", 256), "a\x00"} {
		require.Equal(t, errs.Invalid, errs.KindOf(practice.Rename(name)), "%q", name)
		_, err := domain.NewPractice(name, now)
		require.Equal(t, errs.Invalid, errs.KindOf(err), "%q", name)
	}
}

func TestMembers(t *testing.T) {
	member := func(level auth.Level, active bool) domain.Member {
		return domain.Member{User: recordid.New[identity.UserID](), Level: level, Active: active}
	}
	manager, second, disabled := member(auth.Keep, true), member(auth.Keep, true), member(auth.Keep, false)
	writer, reader, stranger := member(auth.Write, true), member(auth.Read, true), recordid.New[identity.UserID]()

	t.Run("are managed by those who keep and may sign in", func(t *testing.T) {
		all := domain.Members{manager, disabled, writer}
		require.True(t, all.Manages(manager.User))
		for _, other := range []identity.UserID{disabled.User, writer.User, stranger} {
			require.False(t, all.Manages(other))
		}
		found, ok := all.Find(writer.User)
		require.True(t, ok)
		require.Equal(t, writer, found)
	})
	last := identity.ErrLastManager
	for name, c := range map[string]struct {
		members domain.Members
		leaves  identity.UserID
		want    error
	}{
		"the last manager":                   {domain.Members{reader, manager}, manager.User, last},
		"one of two managers":                {domain.Members{manager, reader, second}, manager.User, nil},
		"a manager, one disabled":            {domain.Members{manager, disabled}, manager.User, last},
		"a disabled manager beside one":      {domain.Members{manager, disabled}, disabled.User, nil},
		"a disabled manager alone":           {domain.Members{disabled, reader}, disabled.User, last},
		"the last member":                    {domain.Members{manager}, manager.User, nil},
		"a member of a practice without one": {domain.Members{reader, writer}, reader.User, nil},
		"a user who is no member":            {domain.Members{reader, manager}, stranger, nil},
	} {
		t.Run("check that a manager stays: "+name, func(t *testing.T) {
			require.ErrorIs(t, c.members.CheckWithout(c.leaves), c.want)
		})
	}
	t.Run("are at most 200", func(t *testing.T) {
		all := make(domain.Members, identity.MaxMembers-1)
		require.NoError(t, all.CheckRoom(stranger))
		full := slices.Concat(all, domain.Members{manager})
		require.ErrorIs(t, full.CheckRoom(stranger), identity.ErrTooManyMembers)
		require.ErrorIs(t, full.CheckRoom(manager.User), identity.ErrAlreadyMember)
	})
}

func TestActingInvitation(t *testing.T) {
	user, practice := recordid.New[identity.UserID](), recordid.New[identity.PracticeID]()
	expires := now.Add(72 * time.Hour)
	t.Run("of a member has a level in any letter case", func(t *testing.T) {
		for text, level := range map[string]auth.Level{"read": auth.Read, " Write ": auth.Write, "KEEP": auth.Keep} {
			i, err := domain.InviteMember(practice, text, []byte{1}, user, now, expires)
			require.NoError(t, err)
			require.Equal(t, domain.ActingInvitation{
				ID: i.ID, Capacity: auth.Capacity{ID: practice.UUID, Kind: auth.AsPractice, Level: level},
				MAC: []byte{1}, InvitedBy: user, CreatedAt: now, ExpiresAt: expires,
			}, i)
			require.Equal(t, domain.Party{Capacity: i.Capacity, Since: now}, i.Party(now))
		}
		for _, text := range []string{"", "none", "read write"} {
			_, err := domain.InviteMember(practice, text, []byte{1}, user, now, expires)
			require.Equal(t, errs.Invalid, errs.KindOf(err), text)
		}
	})
	t.Run("expires", func(t *testing.T) {
		i, err := domain.InviteMember(practice, "read", []byte{1}, user, now, expires)
		require.NoError(t, err)
		require.True(t, i.Open(expires.Add(-time.Microsecond)))
		require.False(t, i.Open(expires))
	})
	const longest = 90 * 24 * time.Hour
	t.Run("of a deputy has an end, and a code that expires with it at the latest", func(t *testing.T) {
		for _, until := range []time.Time{now.Add(time.Microsecond), expires, now.Add(longest)} {
			in := domain.DeputyInput{Level: "Read", Until: until.Format(time.RFC3339Nano)}
			i, err := domain.InviteDeputy(user, in, []byte{1}, now, expires)
			require.NoError(t, err)
			require.Equal(t, auth.Capacity{ID: user.UUID, Kind: auth.AsDeputy, Level: auth.Read}, i.Capacity)
			require.Equal(t, until, i.Until)
			require.Equal(t, user, i.InvitedBy)
			require.False(t, i.ExpiresAt.After(until))
			require.False(t, i.ExpiresAt.After(expires))
			require.Equal(t, domain.Party{Capacity: i.Capacity, Since: now, Until: until}, i.Party(now))
		}
	})
	t.Run("of a deputy keeps nothing, and ends in 90 days", func(t *testing.T) {
		valid := now.Add(time.Hour).Format(time.RFC3339Nano)
		for name, in := range map[string]domain.DeputyInput{
			"keep": {"keep", valid}, "no level": {"", valid}, "no end": {"read", ""}, "a date": {"read", "2026-12-01"},
			"now":      {"read", now.Format(time.RFC3339Nano)},
			"too late": {"read", now.Add(longest + time.Microsecond).Format(time.RFC3339Nano)},
		} {
			_, err := domain.InviteDeputy(user, in, []byte{1}, now, expires)
			require.Equal(t, errs.Invalid, errs.KindOf(err), name)
		}
	})
	t.Run("has a code of at most 64 characters", func(t *testing.T) {
		require.NoError(t, domain.CheckCode(strings.Repeat("ä", 64)))
		for _, code := range []string{"", " ", strings.Repeat("a", 65)} {
			require.Equal(t, errs.Invalid, errs.KindOf(domain.CheckCode(code)))
		}
	})
}

func TestPartyEnds(t *testing.T) {
	require.False(t, domain.Party{}.Ended(now))
	require.False(t, domain.Party{Until: now}.Ended(now.Add(-time.Microsecond)))
	require.True(t, domain.Party{Until: now}.Ended(now))
}
