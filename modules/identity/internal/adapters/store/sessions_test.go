package store_test

import (
	"context"
	"errors"
	"sync"
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
	"healthcare/platform/recordid"
)

const day = 24 * time.Hour

// read returns the stored session.
func read(t *testing.T, sessions ports.Sessions, id identity.SessionID) (session domain.Session, err error) {
	t.Helper()
	err = sessions.Change(t.Context(), id, func(_ context.Context, s *domain.Session) error {
		session = *s
		return nil
	})
	return session, err
}

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, sessions ports.Sessions) {
		user, other := added(t, users, asha("a@example.com", "a")), added(t, users, asha("b@example.com", "b"))
		one := started(t, sessions, user, now, now.Add(day))
		two := started(t, sessions, user, now.Add(time.Second), now.Add(day))
		t.Run("are stored with times in UTC to the microsecond", func(t *testing.T) {
			kept, err := read(t, sessions, one.ID)
			require.NoError(t, err)
			require.Equal(t, one, kept)
		})
		t.Run("List returns the user's own sessions, last used first", func(t *testing.T) {
			all, err := sessions.List(t.Context(), user.ID)
			require.NoError(t, err)
			require.Equal(t, []domain.Session{two, one}, all)
			none, err := sessions.List(t.Context(), other.ID)
			require.NoError(t, err)
			require.Empty(t, none)
		})
		t.Run("Add deletes the expired sessions of the same user", func(t *testing.T) {
			others := started(t, sessions, other, now, now.Add(day))
			longer := started(t, sessions, user, now, now.Add(day+time.Microsecond))
			next := started(t, sessions, user, now.Add(day), now.Add(2*day))
			for id, gone := range map[identity.SessionID]bool{one.ID: true, two.ID: true, others.ID: false,
				longer.ID: false, next.ID: false} {
				_, err := read(t, sessions, id)
				require.Equal(t, gone, errors.Is(err, ports.ErrNotFound), "%v", err)
			}
		})
		t.Run("Remove ends a session of the same user only", func(t *testing.T) {
			session := started(t, sessions, user, now, now.Add(day))
			require.ErrorIs(t, sessions.Remove(t.Context(), other.ID, session.ID), ports.ErrNotFound)
			require.NoError(t, sessions.Remove(t.Context(), user.ID, session.ID))
			require.ErrorIs(t, sessions.Remove(t.Context(), user.ID, session.ID), ports.ErrNotFound)
		})
		t.Run("RemoveAllBut ends the sessions of the same user only", func(t *testing.T) {
			kept := started(t, sessions, user, now, now.Add(day))
			require.NoError(t, sessions.RemoveAllBut(t.Context(), user.ID, kept.ID))
			all, err := sessions.List(t.Context(), user.ID)
			require.NoError(t, err)
			require.Equal(t, []domain.Session{kept}, all)
			require.NoError(t, sessions.RemoveAllBut(t.Context(), user.ID, identity.SessionID{}))
			all, err = sessions.List(t.Context(), user.ID)
			require.NoError(t, err)
			require.Empty(t, all)
			all, err = sessions.List(t.Context(), other.ID)
			require.NoError(t, err)
			require.Len(t, all, 1)
		})
	})
}

func TestSessionsOfUsersWhoMayNotSignIn(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, sessions ports.Sessions) {
		user := added(t, users, asha("a@example.com", "a"))
		refused := func(t *testing.T, user identity.UserID, hash string) {
			t.Helper()
			require.ErrorIs(t, sessions.Add(t.Context(), session(user, now, now.Add(day)), hash), ports.ErrNotFound)
		}
		t.Run("an unknown user cannot start one", func(t *testing.T) {
			refused(t, recordid.New[identity.UserID](), user.PasswordHash)
		})
		t.Run("an outdated password cannot start one", func(t *testing.T) { refused(t, user.ID, "outdated") })
		t.Run("a disabled user cannot start one", func(t *testing.T) {
			_, err := users.Change(t.Context(), user.ID, func(u *domain.User) error {
				u.Active = false
				u.Version++
				return nil
			})
			require.NoError(t, err)
			refused(t, user.ID, user.PasswordHash)
		})
	})
}

func TestMostSessions(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, sessions ports.Sessions) {
		user := added(t, users, asha("a@example.com", "a"))
		first := started(t, sessions, user, now, now.Add(day))
		second := started(t, sessions, user, now.Add(time.Second), now.Add(day))
		for range ports.MaxSessions - 2 {
			started(t, sessions, user, now.Add(time.Minute), now.Add(day))
		}
		all, err := sessions.List(t.Context(), user.ID)
		require.NoError(t, err)
		require.Len(t, all, ports.MaxSessions)
		require.Contains(t, all, first)
		started(t, sessions, user, now.Add(time.Minute), now.Add(day))
		all, err = sessions.List(t.Context(), user.ID)
		require.NoError(t, err)
		require.Len(t, all, ports.MaxSessions, "the longest unused session was deleted")
		require.NotContains(t, all, first)
		require.Contains(t, all, second)
	})
}

// Sessions used in the future, before the clock was set back, make room before newer ones.
func TestMostSessionsAfterTheClockWentBack(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, sessions ports.Sessions) {
		user := added(t, users, asha("a@example.com", "a"))
		for range ports.MaxSessions {
			started(t, sessions, user, now.Add(365*day), now.Add(366*day))
		}
		first := started(t, sessions, user, now, now.Add(day))
		second := started(t, sessions, user, now.Add(time.Second), now.Add(day))
		all, err := sessions.List(t.Context(), user.ID)
		require.NoError(t, err)
		require.Len(t, all, ports.MaxSessions)
		require.Contains(t, all, first)
		require.Contains(t, all, second)
	})
}

func TestChangeSession(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, sessions ports.Sessions) {
		ctx, user := t.Context(), added(t, users, asha("a@example.com", "a"))
		session := started(t, sessions, user, now, now.Add(day))
		rotate := func(_ context.Context, s *domain.Session) error {
			s.Generation, s.From, s.LastUsedAt, s.ExpiresAt = 8, domain.Origin{Agent: "other"}, now.Add(time.Hour),
				now.Add(2*day)
			return nil
		}
		t.Run("stores nothing if the rule fails, and returns the rule's error unchanged", func(t *testing.T) {
			refused := errors.New("refused")
			require.Same(t, refused, sessions.Change(ctx, session.ID,
				func(ctx context.Context, s *domain.Session) error {
					require.NoError(t, rotate(ctx, s))
					return refused
				}))
			kept, err := read(t, sessions, session.ID)
			require.NoError(t, err)
			require.Equal(t, session, kept)
		})
		t.Run("stores only the generation, the client and the times", func(t *testing.T) {
			require.NoError(t, sessions.Change(ctx, session.ID, func(ctx context.Context, s *domain.Session) error {
				s.UserID, s.CreatedAt = recordid.New[identity.UserID](), now.Add(-time.Hour)
				return rotate(ctx, s)
			}))
			require.NoError(t, rotate(ctx, &session))
			session.CreatedAt = now.Add(-time.Hour)
			kept, err := read(t, sessions, session.ID)
			require.NoError(t, err)
			require.Equal(t, session, kept)
		})
		t.Run("returns ErrNotFound for an unknown id", func(t *testing.T) {
			for _, id := range []identity.SessionID{{}, {UUID: user.ID.UUID}} {
				require.ErrorIs(t, sessions.Change(ctx, id, func(context.Context, *domain.Session) error {
					t.Error("the rule ran")
					return nil
				}), ports.ErrNotFound)
			}
		})
		t.Run("runs the rule in the same transaction, which may end the session", func(t *testing.T) {
			refused := errors.New("refused")
			require.Same(t, refused, sessions.Change(ctx, session.ID,
				func(ctx context.Context, _ *domain.Session) error {
					require.NoError(t, users.SetPasswordHash(ctx, user.ID, user.PasswordHash, "never"))
					seen, err := users.Find(ctx, user.ID)
					require.NoError(t, err)
					require.Equal(t, "never", seen.PasswordHash)
					return refused
				}))
			require.Equal(t, user, found(t, users, user.ID))
			require.NoError(t, sessions.Change(ctx, session.ID, func(ctx context.Context, s *domain.Session) error {
				return sessions.Remove(ctx, s.UserID, s.ID)
			}))
			_, err := read(t, sessions, session.ID)
			require.ErrorIs(t, err, ports.ErrNotFound)
		})
	})
}

// The store's part of R-13: each change sees the previous one.
func TestConcurrentChanges(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, sessions ports.Sessions) {
		user := added(t, users, asha("a@example.com", "a"))
		session := started(t, sessions, user, now, now.Add(day))
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_ = sessions.Change(t.Context(), session.ID, func(_ context.Context, s *domain.Session) error {
					seen := s.Generation
					time.Sleep(5 * time.Millisecond) // so that concurrent changes would overlap without a lock
					s.Generation = seen + 1
					return nil
				})
			})
		}
		all.Wait()
		kept, err := read(t, sessions, session.ID)
		require.NoError(t, err)
		require.Equal(t, session.Generation+20, kept.Generation)
	})
}

func TestStanding(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, sessions ports.Sessions) {
		ctx, user := t.Context(), added(t, users, asha("a@example.com", "a"))
		session := started(t, sessions, user, now, now.Add(day))
		t.Run("has the values of the user", func(t *testing.T) {
			standing, capacities, err := sessions.Standing(ctx, session.ID)
			require.NoError(t, err)
			require.Equal(t, domain.Standing{UserID: user.ID, Active: true, TokenVersion: 3, Role: "staff"}, standing)
			require.Nil(t, capacities)
		})
		t.Run("changes with the user", func(t *testing.T) {
			require.NoError(t,
				db.Write(ctx).Exec(`UPDATE users SET active = ?, token_version = 4, role = 'admin' WHERE id = ?`, false,
					user.ID).Error)
			standing, capacities, err := sessions.Standing(ctx, session.ID)
			require.NoError(t, err)
			require.Equal(t, domain.Standing{UserID: user.ID, Active: false, TokenVersion: 4, Role: "admin"}, standing)
			require.Nil(t, capacities)
		})
		t.Run("has the capacities of the user, and no other's", func(t *testing.T) {
			acting, other := store.NewActing(db, clock.At(now)), added(t, users, asha("b@example.com", "b"))
			for i := range auth.MaxCapacities {
				party := auth.Capacity{ID: uuid.Must(uuid.NewV7()), Kind: auth.AsDoctor}
				require.NoError(t, acting.Add(ctx, other.ID, since(party)))
				require.NoError(t, acting.Add(ctx, user.ID, since(party)))
				require.NoError(t, acting.Add(ctx, user.ID, since(party)), "a second time")
				_, capacities, err := sessions.Standing(ctx, session.ID)
				require.NoError(t, err)
				require.Len(t, capacities, i+1)
				require.Contains(t, capacities, party)
			}
			_, capacities, err := sessions.Standing(ctx, session.ID)
			require.NoError(t, err)
			another := auth.Capacity{ID: user.ID.UUID, Kind: auth.AsSelf}
			require.ErrorIs(t, acting.Add(ctx, user.ID, since(another)), identity.ErrTooManyCapacities)
			ended, err := acting.RemoveFor(ctx, capacities[0].ID)
			require.NoError(t, err)
			require.ElementsMatch(t, []identity.UserID{user.ID, other.ID}, ended)
			require.NoError(t, acting.Add(ctx, user.ID, since(another)))
			_, changed, err := sessions.Standing(ctx, session.ID)
			require.NoError(t, err)
			require.ElementsMatch(t, append(capacities[1:], another), changed)
		})
		t.Run("of a session that does not exist is not found", func(t *testing.T) {
			for _, id := range []identity.SessionID{{UUID: uuid.Must(uuid.NewV7())}, {UUID: user.ID.UUID}, {}} {
				standing, capacities, err := sessions.Standing(ctx, id)
				require.ErrorIs(t, err, ports.ErrNotFound)
				require.Zero(t, standing)
				require.Nil(t, capacities)
			}
		})
	})
}
