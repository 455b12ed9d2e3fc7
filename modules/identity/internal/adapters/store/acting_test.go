package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// deputyUntil returns the party of a deputy with a random colleague.
func deputyUntil(until time.Time) domain.Party {
	colleague := auth.Capacity{ID: uuid.Must(uuid.NewV7()), Kind: auth.AsDeputy, Level: auth.Write}
	return domain.Party{Capacity: colleague, Since: now, Until: until}
}

func TestCapacitiesThatEnd(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, manual := t.Context(), clock.At(now)
		users, sessions, acting := store.NewUsers(db), store.NewSessions(db, manual), store.NewActing(db, manual)
		parties := store.NewParties(db)
		user := added(t, users, asha("a@example.com", "a"))
		session := started(t, sessions, user, now, now.Add(day))
		// held asserts for whom the user acts at the time of the clock, by every query.
		held := func(t *testing.T, expected ...auth.Capacity) {
			t.Helper()
			_, standing, err := sessions.Standing(ctx, session.ID)
			require.NoError(t, err)
			require.ElementsMatch(t, expected, standing)
			of, err := acting.Of(ctx, user.ID, manual.Now())
			require.NoError(t, err)
			require.ElementsMatch(t, expected, of)
			shown, err := parties.Capacities(ctx, user.ID, manual.Now())
			require.NoError(t, err)
			require.ElementsMatch(t, expected, shown)
			listed, err := acting.ListFor(ctx, []identity.UserID{user.ID}, manual.Now())
			require.NoError(t, err)
			require.Len(t, listed[user.ID], len(expected))
		}
		at := func(of time.Time) { manual.Advance(of.Sub(manual.Now())) }
		stored := func() (count int) {
			require.NoError(t, db.Read(ctx).Raw(`SELECT count(*) FROM acting`).Scan(&count).Error)
			return count
		}
		member := auth.Capacity{ID: uuid.Must(uuid.NewV7()), Kind: auth.AsPractice, Level: auth.Read}
		deputy := deputyUntil(now.Add(time.Hour))

		t.Run("have a level, and end at the instant", func(t *testing.T) {
			require.NoError(t, acting.Add(ctx, user.ID, since(member)))
			require.NoError(t, acting.Add(ctx, user.ID, deputy))
			held(t, member, deputy.Capacity)
			manual.Advance(time.Hour - time.Microsecond)
			held(t, member, deputy.Capacity)
			manual.Advance(time.Microsecond)
			held(t, member)
		})
		t.Run("are replaced by another level and another end", func(t *testing.T) {
			at(now)
			deputy.Level, deputy.Until = auth.Read, now.Add(time.Minute)
			require.NoError(t, acting.Add(ctx, user.ID, deputy))
			member.Level = auth.Keep
			require.NoError(t, acting.Add(ctx, user.ID, since(member)))
			held(t, member, deputy.Capacity)
			require.Equal(t, 2, stored())
			listed, err := acting.ListFor(ctx, []identity.UserID{user.ID}, now)
			require.NoError(t, err)
			require.ElementsMatch(t, []domain.Party{since(member), deputy}, listed[user.ID])
		})
		t.Run("keep their beginning if nothing changes", func(t *testing.T) {
			again := deputy
			again.Since = now.Add(time.Second)
			require.NoError(t, acting.Add(ctx, user.ID, again))
			listed, err := acting.ListFor(ctx, []identity.UserID{user.ID}, now)
			require.NoError(t, err)
			require.Contains(t, listed[user.ID], deputy)
		})
		t.Run("begin again after their end", func(t *testing.T) {
			at(now.Add(2 * time.Minute))
			held(t, member)
			deputy.Since, deputy.Until = manual.Now(), now.Add(time.Hour)
			require.NoError(t, acting.Add(ctx, user.ID, deputy))
			held(t, member, deputy.Capacity)
			require.Equal(t, 2, stored())
		})
		t.Run("are deleted by the next, and do not count", func(t *testing.T) {
			at(now)
			for range auth.MaxCapacities - 2 {
				require.NoError(t, acting.Add(ctx, user.ID, deputyUntil(now.Add(2*time.Hour))))
			}
			over := deputyUntil(now.Add(3 * time.Hour))
			require.ErrorIs(t, acting.Add(ctx, user.ID, over), identity.ErrTooManyCapacities)
			at(now.Add(time.Hour))
			over.Since = manual.Now()
			require.NoError(t, acting.Add(ctx, user.ID, over))
			require.Equal(t, auth.MaxCapacities, stored())
			at(now.Add(2 * time.Hour))
			held(t, member, over.Capacity)
		})
		t.Run("are not in effect without a level, if the kind needs one", func(t *testing.T) {
			require.NoError(t, db.Write(ctx).Exec(`UPDATE acting SET level = ''`).Error)
			held(t)
			require.NoError(t, db.Write(ctx).Exec(`UPDATE acting SET kind = 'doctor' WHERE kind = 'practice'`).Error)
			held(t, auth.Capacity{ID: member.ID, Kind: auth.AsDoctor})
		})
	})
}

func TestParties(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		ctx, parties, acting := t.Context(), store.NewParties(db), store.NewActing(db, clock.At(now))
		first, second := asha("a@example.com", "a"), asha("b@example.com", "b")
		second.Active, second.Role, second.Name = false, "doctor", "Ravi"
		added(t, users, first)
		added(t, users, second)
		gone := added(t, users, asha("c@example.com", "c"))
		practice := auth.Capacity{ID: uuid.UUID{1}, Kind: auth.AsPractice, Level: auth.Write}
		doctor := auth.Capacity{ID: uuid.UUID{2}, Kind: auth.AsDoctor}
		ends := domain.Party{Capacity: auth.Capacity{ID: first.ID.UUID, Kind: auth.AsDeputy, Level: auth.Read}}
		ends.Since, ends.Until = now.Add(time.Second), now.Add(time.Hour)
		require.NoError(t, acting.Add(ctx, first.ID, since(practice)))
		require.NoError(t, acting.Add(ctx, first.ID, since(doctor)))
		require.NoError(t, acting.Add(ctx, second.ID, ends))
		require.NoError(t, acting.Add(ctx, gone.ID, since(practice)))
		require.NoError(t, users.Close(ctx, gone.ID, domain.Closing{Role: "staff", At: now}))
		of := func(user domain.User, party domain.Party) identity.Acting {
			return identity.Acting{User: user.ID, Name: user.Name, Role: auth.Role(user.Role), Active: user.Active,
				Capacity: party.Capacity, Since: party.Since, Until: party.Until}
		}
		all := []uuid.UUID{practice.ID, doctor.ID, first.ID.UUID}
		t.Run("find the users who act for any of them, without closed accounts", func(t *testing.T) {
			found, err := parties.ActingFor(ctx, all, now)
			require.NoError(t, err)
			byParty := []identity.Acting{of(second, ends), of(first, since(practice)), of(first, since(doctor))}
			require.ElementsMatch(t, byParty, found)
			found, err = parties.ActingFor(ctx, all[1:2], now)
			require.NoError(t, err)
			require.Equal(t, []identity.Acting{of(first, since(doctor))}, found)
			found, err = parties.ActingFor(ctx, nil, now)
			require.NoError(t, err)
			require.Empty(t, found)
		})
		t.Run("find no user whose capacity has ended", func(t *testing.T) {
			found, err := parties.ActingFor(ctx, all, ends.Until)
			require.NoError(t, err)
			require.Equal(t, []identity.Acting{of(first, since(practice)), of(first, since(doctor))}, found)
		})
		t.Run("show the accounts of users, without closed ones", func(t *testing.T) {
			found, err := parties.Accounts(ctx, []identity.UserID{first.ID, second.ID, gone.ID, {}})
			require.NoError(t, err)
			require.Equal(t, map[identity.UserID]identity.AccountView{
				first.ID:  {Name: first.Name, Role: "staff", Active: true},
				second.ID: {Name: "Ravi", Role: "doctor", Active: false},
			}, found)
		})
		t.Run("count the active users of a role, up to a limit", func(t *testing.T) {
			added(t, users, asha("d@example.com", "d"))
			roles := store.NewRoles(db)
			for _, c := range []struct {
				role            auth.Role
				limit, expected int
			}{{"staff", 10, 2}, {"staff", 1, 1}, {"doctor", 10, 0}, {"staff", 2, 2}} {
				count, err := roles.CountActive(ctx, c.role, c.limit)
				require.NoError(t, err)
				require.Equal(t, c.expected, count, "%+v", c)
			}
		})
	})
}
